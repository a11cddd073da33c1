# also: kube.coredns.ready
# red: declared
# says: no automatic remedy: it is fixed when a cluster is initialised
# profile: kube: {cluster: {dns_domain: cluster.example}}
# advice
