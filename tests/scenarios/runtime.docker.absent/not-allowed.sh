# red: effective
# says: package docker.io
# advice
# after: apt-get -y -q remove docker.io
apt-get -y -q --no-install-recommends install docker.io
