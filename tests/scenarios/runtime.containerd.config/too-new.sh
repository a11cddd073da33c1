# red: declared
# says: reads 1 to 2
# advice
# after: sed -i 's/^version = 3$/version = 2/' /etc/containerd/config.toml
# after: systemctl restart containerd
sed -i 's/^version = 2$/version = 3/' /etc/containerd/config.toml
