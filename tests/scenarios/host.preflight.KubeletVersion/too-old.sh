# red: effective
# says: up to 3 minors older
# also: host.preflight.KubernetesVersion
# also: runtime.containerd.sandbox_image_matches_kubeadm
# profile: kube: {version: v1.24.3}
# profile: select: ["!kube.images.present"]
# advice
# The host is unchanged: the profile's cluster is four minor versions newer.
:
