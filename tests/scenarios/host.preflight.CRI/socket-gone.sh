# red: effective
# says: found     absent
# also: kube.images.same_digest
rm /run/containerd/containerd.sock
