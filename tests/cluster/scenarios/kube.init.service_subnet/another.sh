# also: kube.coredns.ready
# red: declared
# says: no automatic remedy: it is fixed when a cluster is initialised
# profile: kube: {cluster: {service_subnet: 10.60.0.0/16}}
# advice
