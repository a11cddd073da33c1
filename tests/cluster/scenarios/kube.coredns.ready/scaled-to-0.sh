# red: effective
# says: it is scaled to 0
# says: kubernetes.default.svc.cluster.local
# advice
# after: kubectl -n kube-system scale deployment coredns --replicas=2
# after: kubectl -n kube-system rollout status deployment coredns --timeout=120s
kubectl -n kube-system scale deployment coredns --replicas=0
kubectl -n kube-system wait --for=delete pod -l k8s-app=kube-dns --timeout=120s
