# red: effective
# says: no automatic remedy: certificates and kubeconfigs contain it
# profile: hosts: {cp1: {kube: {cluster: {advertise_address: 10.77.0.99}}}}
# advice
