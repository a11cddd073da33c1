# red: effective
# says: IP_AUTODETECTION_METHOD=interface=eth9 finds no interface
# says: CrashLoopBackOff
# also: network.calico.autodetect
# also: network.calico.cluster_type
# options: -k network.calico.installed
kubectl -n kube-system set env daemonset/calico-node IP_AUTODETECTION_METHOD=interface=eth9
for i in $(seq 90); do
  kubectl -n kube-system get pods -l k8s-app=calico-node | grep -q CrashLoopBackOff && break
  sleep 2
done
