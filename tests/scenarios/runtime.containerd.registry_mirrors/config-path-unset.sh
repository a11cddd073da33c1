# long
# red: effective
# says: ignores every hosts.toml
sed -i '/config_path = /d' /etc/containerd/config.toml
systemctl restart containerd
