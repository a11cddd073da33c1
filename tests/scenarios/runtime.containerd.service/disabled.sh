# long
# red: persistent
# says: found     disabled
systemctl disable containerd
