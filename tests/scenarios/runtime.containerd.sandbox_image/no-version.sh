# long
# red: effective
# says: pause:3.6
# also: runtime.containerd.systemd_cgroup
# also: runtime.containerd.registry_mirrors
# after: cp -p /root/config.toml /etc/containerd/config.toml
# after: systemctl restart containerd
# A file without a version has version 1: containerd silently ignores the keys of version 2.
cp -p /etc/containerd/config.toml /root/config.toml
printf '[plugins."io.containerd.grpc.v1.cri"]\n  sandbox_image = "registry.k8s.io/pause:3.10"\n' >/etc/containerd/config.toml
systemctl restart containerd
