# red: effective
# says: package docker.io
# options: --fix-allow=destructive
# containerd counts as installed for docker.io alone: it must outlive it, also apt's own tidying up afterwards.
# after: apt-get -y -q autoremove && containerd --version
apt-get -y -q --no-install-recommends install docker.io
apt-mark auto containerd runc
