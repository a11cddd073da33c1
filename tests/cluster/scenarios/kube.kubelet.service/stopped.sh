# long
# at: w1
# red: effective
# says: inactive
systemctl stop kubelet
