# red: effective
# says: io.containerd.grpc.v1.cri
# says: found     error
# advice
# after: cp -p /root/config.toml /etc/containerd/config.toml
# after: systemctl restart containerd
# The value parses, but the plugin refuses it: containerd starts, but its CRI plugin does not load.
cp -p /etc/containerd/config.toml /root/config.toml
sed -i '/stream_idle_timeout/d' /etc/containerd/config.toml
sed -i 's|^ *sandbox_image = .*|&\n  stream_idle_timeout = "soon"|' /etc/containerd/config.toml
systemctl restart containerd
