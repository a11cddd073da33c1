# red: declared
# says: found     ipvs
# Without its modules in the kernel kube-proxy works on with iptables, and only its log says so.
kubectl -n kube-system get configmap kube-proxy -o yaml | sed 's/^    mode: .*/    mode: ipvs/' | kubectl apply -f -
kubectl -n kube-system delete pods -l k8s-app=kube-proxy --force --grace-period=0
kubectl -n kube-system rollout status daemonset/kube-proxy --timeout=300s
