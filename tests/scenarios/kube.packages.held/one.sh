# red: declared
# says: package kubectl
apt-mark unhold kubectl
