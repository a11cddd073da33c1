# red: declared
# says: interface=eth9
# also: network.calico.installed
# also: network.calico.cluster_type
# As in a guide for other machines: replaced pods find no address and do not start.
kubectl -n kube-system set env daemonset/calico-node IP_AUTODETECTION_METHOD=interface=eth9
