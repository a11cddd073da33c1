# red: effective
# says: /opt/runc
# advice
# after: sed -i '/BinaryName = /d' /etc/containerd/config.toml
# after: systemctl restart containerd
sed -i 's|^ *SystemdCgroup = .*|&\n            BinaryName = "/opt/runc"|' /etc/containerd/config.toml
grep -q BinaryName /etc/containerd/config.toml
systemctl restart containerd
