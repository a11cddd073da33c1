# red: persistent
# says: masked
systemctl stop kubelet
systemctl mask kubelet
