# red: effective
# says: before /etc/containerd/config.toml changed
# alone
sleep 0.2  # the check cannot tell times less than 0.05 s apart
echo '# a comment' >>/etc/containerd/config.toml
