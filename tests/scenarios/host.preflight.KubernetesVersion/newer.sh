# red: effective
# says: /usr/bin/kubeadm version
# also: runtime.containerd.sandbox_image_matches_kubeadm
# profile: kube: {version: v1.21.0}
# profile: select: ["!kube.images.present"]
# advice
# The host is unchanged: the profile's cluster is newer than the host's kubeadm.
:
