# long
# alone
# red: effective persistent
# says: found     masked
# also: runtime.containerd.unit
systemctl mask --now containerd
