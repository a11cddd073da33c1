# red: effective
# says: SystemdCgroup
# says: found     false
sed -i 's/SystemdCgroup = true/SystemdCgroup = false/' /etc/containerd/config.toml
systemctl restart containerd
