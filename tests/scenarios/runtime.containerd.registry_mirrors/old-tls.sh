# red: effective
# says: containerd refuses it beside config_path
# also: runtime.containerd.cri_plugin
# advice
# after: cp -p /root/config.toml /etc/containerd/config.toml
# after: systemctl restart containerd
# As Harbor used to be set up: containerd starts, its CRI plugin does not, and only a person knows what is to be kept.
cp -p /etc/containerd/config.toml /root/config.toml
cat >>/etc/containerd/config.toml <<'X'
[plugins."io.containerd.grpc.v1.cri".registry.configs."harbor.example".tls]
  insecure_skip_verify = true
X
systemctl restart containerd
