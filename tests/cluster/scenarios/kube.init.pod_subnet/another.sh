# red: declared
# says: no automatic remedy: kubeadm sets it once, when the cluster is initialised
# also: network.calico.pool_cidr
# also: network.cidr.overlap
# profile: kube: {cluster: {pod_subnet: 10.50.0.0/16}}
# advice
