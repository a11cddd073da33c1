# red: declared
# says: interface=eth9
# also: network.calico.installed
# also: network.calico.cluster_type
# As a guide for other machines has it: the pods that are replaced find no address, and do not start.
kubectl -n kube-system set env daemonset/calico-node IP_AUTODETECTION_METHOD=interface=eth9
