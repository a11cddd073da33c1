# long
# red: effective
# says: 1.20.1-00
apt-get -y -q --allow-downgrades --allow-change-held-packages install kubelet=1.20.1-00
apt-mark hold kubelet
