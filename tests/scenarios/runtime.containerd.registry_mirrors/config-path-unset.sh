# red: effective
# says: never looks for a hosts.toml
sed -i '/config_path = /d' /etc/containerd/config.toml
systemctl restart containerd
