# red: effective
# says: before /etc/containerd/config.toml changed
echo '# a comment' >>/etc/containerd/config.toml
