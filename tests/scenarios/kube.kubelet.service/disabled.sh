# long
# red: persistent
# says: kubelet.service
systemctl disable kubelet
