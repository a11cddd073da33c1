# also: kube.coredns.ready
# red: declared
# says: no automatic remedy: kubeadm sets it once, when the cluster is initialised
# profile: kube: {cluster: {service_subnet: 10.60.0.0/16}}
# advice
