# long
# red: effective
# says: 0lab1
old=$(apt-cache madison containerd | awk '{print $3}' | grep 0lab1)
apt-get -y -q --allow-downgrades --allow-change-held-packages install "containerd=$old"
