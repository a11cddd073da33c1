# red: effective
# says: before /etc/containerd/config.toml changed
sleep 0.2  # when containerd was started is known to 0.05 s, and another scenario may just have done so
cp -p /etc/containerd/config.toml /etc/containerd/new
mv /etc/containerd/new /etc/containerd/config.toml
