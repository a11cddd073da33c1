# long
# red: effective
# says: before /etc/containerd/config.toml changed
sleep 0.2  # the check cannot tell times less than 0.05 s apart, and another scenario may have just restarted containerd
cp -p /etc/containerd/config.toml /etc/containerd/new
mv /etc/containerd/new /etc/containerd/config.toml
