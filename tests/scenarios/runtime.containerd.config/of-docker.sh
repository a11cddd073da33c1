# red: declared
# says: disabled_plugins
# What Docker's package ships: a file of version 1 with the CRI off.
printf '#root = "/var/lib/containerd"\ndisabled_plugins = ["cri"]\n' >/etc/containerd/config.toml
systemctl restart containerd
