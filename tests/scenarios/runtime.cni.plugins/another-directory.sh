# long
# red: effective
# says: containerd's directories of CNI plugins
sed -i 's|bin_dir = .*|bin_dir = "/usr/lib/cni"|' /etc/containerd/config.toml
systemctl restart containerd
