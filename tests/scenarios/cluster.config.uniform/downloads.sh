# red: effective
# says: containerd's plugins.io.containerd.grpc.v1.cri.max_concurrent_downloads
# says: 9 on
# peers
# advice
# after: sed -i /max_concurrent_downloads/d /etc/containerd/config.toml && systemctl restart containerd
# A setting that no other requirement judges, on one of two hosts.
sed -i 's/^ *restrict_oom_score_adj = true/&\nmax_concurrent_downloads = 9/' /etc/containerd/config.toml
grep -q max_concurrent_downloads /etc/containerd/config.toml
systemctl restart containerd
