# red: declared
# says: CLUSTER_TYPE
kubectl -n kube-system set env daemonset/calico-node CLUSTER_TYPE-
kubectl -n kube-system rollout status daemonset/calico-node --timeout=120s
