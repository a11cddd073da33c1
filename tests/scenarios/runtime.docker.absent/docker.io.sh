# red: effective
# says: package docker.io
# options: --fix-allow=destructive
# containerd is marked as installed for docker.io only: it must stay, also after apt's autoremove.
# after: apt-get -y -q autoremove && containerd --version
apt-get -y -q --no-install-recommends install docker.io
apt-mark auto containerd runc
