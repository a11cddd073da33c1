# long
# red: effective
# says: sandbox_image
sed -i '/sandbox_image = /d' /etc/containerd/config.toml
systemctl restart containerd
