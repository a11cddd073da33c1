# long
# red: declared
# says: disabled_plugins
# after: cp -p /root/config.toml /etc/containerd/config.toml
# after: systemctl restart containerd
# The file of Docker's package: version 1, with the CRI plugin off.
cp -p /etc/containerd/config.toml /root/config.toml
printf '#root = "/var/lib/containerd"\ndisabled_plugins = ["cri"]\n' >/etc/containerd/config.toml
systemctl restart containerd
