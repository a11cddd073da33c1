# long
# red: effective
# says: exclude each other
# also: runtime.containerd.cri_plugin
# As in the guide, beside config_path: containerd starts, but its CRI plugin does not load.
cat >>/etc/containerd/config.toml <<'X'
[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
  endpoint = ["https://mirror.example"]
X
systemctl restart containerd
