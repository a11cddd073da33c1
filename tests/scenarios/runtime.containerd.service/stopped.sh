# red: effective
# says: found     inactive
systemctl stop containerd
