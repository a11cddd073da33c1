# long
# red: effective
# says: package docker-engine
# options: --fix-allow=destructive
apt-get -y -q --no-install-recommends install docker-engine docker
