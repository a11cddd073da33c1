# red: effective
# says: no automatic remedy: certificates and kubeconfigs contain it
# profile: kube: {cluster: {bind_port: 7443}}
# advice
