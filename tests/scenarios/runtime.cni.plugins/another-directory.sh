# red: effective
# says: containerd's bin_dir says otherwise
# advice
# after: sed -i '/^# scenario$/,$d' /etc/containerd/config.toml
# after: systemctl restart containerd
printf '# scenario\n[plugins."io.containerd.grpc.v1.cri".cni]\nbin_dir = "/usr/lib/cni"\n' >>/etc/containerd/config.toml
systemctl restart containerd
