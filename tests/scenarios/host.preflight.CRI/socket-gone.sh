# red: effective
# says: found     absent
# also: runtime.containerd.cri_plugin
rm /run/containerd/containerd.sock
