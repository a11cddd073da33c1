# red: declared effective
# says: `kubeadm upgrade apply`
# also: kube.images.present
# also: kube.join
# also: host.preflight.KubernetesVersion
# also: host.preflight.KubeletVersion
# profile: kube: {version: v1.20.3}
# advice
