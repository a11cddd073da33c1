# red: effective
# says: not installed
apt-get -y -q --allow-change-held-packages remove containerd
