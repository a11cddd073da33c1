# red: effective
# says: before /etc/containerd/config.toml changed
sleep 0.2  # the check cannot tell times less than 0.05 s apart, and another scenario may have just restarted containerd
echo '# a comment' >>/etc/containerd/config.toml
