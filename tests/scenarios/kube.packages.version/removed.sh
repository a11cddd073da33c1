# red: effective
# says: package kubeadm
apt-get -y -q --allow-change-held-packages remove kubeadm
