# red: effective
# says: no automatic remedy: certificates and every kubeconfig have it
# profile: kube: {cluster: {bind_port: 7443}}
# advice
