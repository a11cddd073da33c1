# red: effective
# says: nvidia.options.SystemdCgroup
# after: sed -i '/^# scenario$/,$d' /etc/containerd/config.toml
# after: systemctl restart containerd
cat >>/etc/containerd/config.toml <<'X'
# scenario
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia.options]
  BinaryName = "/usr/bin/nvidia-container-runtime"
X
systemctl restart containerd
