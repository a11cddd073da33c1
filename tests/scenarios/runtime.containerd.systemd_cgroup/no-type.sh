# long
# red: effective
# says: runtime_type
sed -i '/runtime_type/d' /etc/containerd/config.toml
systemctl restart containerd
