# long
# red: effective
# says: containerd refuses it beside config_path
# also: runtime.containerd.cri_plugin
# advice
# after: cp -p /root/config.toml /etc/containerd/config.toml
# after: systemctl restart containerd
# As Harbor was set up in the past: containerd starts, but its CRI plugin does not load; a person must decide what to keep.
cp -p /etc/containerd/config.toml /root/config.toml
cat >>/etc/containerd/config.toml <<'X'
[plugins."io.containerd.grpc.v1.cri".registry.configs."harbor.example".tls]
  insecure_skip_verify = true
X
systemctl restart containerd
