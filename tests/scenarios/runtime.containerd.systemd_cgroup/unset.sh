# long
# red: effective
# says: SystemdCgroup
sed -i '/SystemdCgroup/d' /etc/containerd/config.toml
systemctl restart containerd
