# at: reg1
# red: effective
# says: found     5:20.10.24-1~lab
apt-get -qq -y install --allow-downgrades --allow-change-held-packages 'docker-ce=5:20.10.24-1~lab' >/dev/null
