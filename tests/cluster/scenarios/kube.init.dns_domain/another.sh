# also: kube.coredns.ready
# red: declared
# says: no automatic remedy: kubeadm sets it once, when the cluster is initialised
# profile: kube: {cluster: {dns_domain: cluster.example}}
# advice
