# red: effective
# says: it is scaled to 0
kubectl -n kube-system scale deployment calico-kube-controllers --replicas=0
kubectl -n kube-system wait --for=delete pod -l k8s-app=calico-kube-controllers --timeout=120s
