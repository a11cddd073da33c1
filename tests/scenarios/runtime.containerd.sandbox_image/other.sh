# red: effective
# says: pause:0.8
sed -i 's|sandbox_image = .*|sandbox_image = "registry.example/pause:0.8"|' /etc/containerd/config.toml
systemctl restart containerd
