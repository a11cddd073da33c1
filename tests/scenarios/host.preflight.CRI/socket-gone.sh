# red: effective
# says: found     absent
rm /run/containerd/containerd.sock
