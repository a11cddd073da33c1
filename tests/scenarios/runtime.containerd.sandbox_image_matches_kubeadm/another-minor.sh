# red: effective
# says: pause tag for v1.20.2 (kubeadm config images list)
# profile: runtime: {containerd: {sandbox_image: "registry.lab:5000/google_containers/pause:3.1"}}
# advice
# after: sed -i 's|pause:3.1|pause:3.2|' /etc/containerd/config.toml
# after: systemctl restart containerd
# The profile contradicts itself, as the guide does: its pause image is that of an older minor version.
sed -i 's|pause:3.2|pause:3.1|' /etc/containerd/config.toml
systemctl restart containerd
