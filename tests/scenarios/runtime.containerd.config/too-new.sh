# red: declared
# says: 1 to 2, which this containerd uses
# advice
# after: cp -p /root/config.toml /etc/containerd/config.toml
# after: systemctl restart containerd
cp -p /etc/containerd/config.toml /root/config.toml
sed -i '/^version/d' /etc/containerd/config.toml
sed -i '1i version = 3' /etc/containerd/config.toml
