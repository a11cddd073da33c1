# red: effective
# says: /opt/runc
# advice
# after: sed -i 's|BinaryName = "/opt/runc"|BinaryName = ""|' /etc/containerd/config.toml
# after: systemctl restart containerd
sed -i 's|BinaryName = ""|BinaryName = "/opt/runc"|' /etc/containerd/config.toml
systemctl restart containerd
