# red: effective
# says: exclude each other
# also: runtime.containerd.cri_plugin
# The way that the guide has it, beside config_path: containerd starts, its CRI plugin does not.
cat >>/etc/containerd/config.toml <<'X'
[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
  endpoint = ["https://mirror.example"]
X
systemctl restart containerd
