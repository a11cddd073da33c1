# red: effective
# says: /opt/runc
# advice
# after: sed -i '/BinaryName = /d' /etc/containerd/config.toml
# after: systemctl restart containerd
sed -i -e '/BinaryName = /d' -e 's|^ *SystemdCgroup = true|&\nBinaryName = "/opt/runc"|' /etc/containerd/config.toml
systemctl restart containerd
