# red: effective
# says: before /etc/containerd/config.toml changed
cp -p /etc/containerd/config.toml /etc/containerd/new
mv /etc/containerd/new /etc/containerd/config.toml
