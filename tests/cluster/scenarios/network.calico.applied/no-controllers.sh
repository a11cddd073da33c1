# red: declared
# says: Deployment calico-kube-controllers
kubectl -n kube-system delete deployment calico-kube-controllers
