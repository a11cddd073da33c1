# long
# red: declared
# says: IP_AUTODETECTION_METHOD=interface=eth9 finds no interface
# says: CrashLoopBackOff
# also: network.calico.installed
# also: network.calico.cluster_type
# As in a guide for other machines: replaced pods find no address and do not start.
kubectl -n kube-system set env daemonset/calico-node IP_AUTODETECTION_METHOD=interface=eth9
for i in $(seq 90); do
  kubectl -n kube-system get pods -l k8s-app=calico-node | grep -q CrashLoopBackOff && break
  sleep 2
done
