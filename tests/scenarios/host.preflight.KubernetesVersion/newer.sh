# red: effective
# says: /usr/bin/kubeadm version
# also: runtime.containerd.sandbox_image_matches_kubeadm
# profile: kube: {version: v1.21.0}
# profile: select: ["!kube.images.present"]
# advice
# Nothing is broken: the cluster that the profile asks for is newer than its kubeadm.
:
