# red: declared
# says: found     ipvs
# What the pods work in they have read before: the next one to start would read this.
kubectl -n kube-system get configmap kube-proxy -o yaml | sed 's/^    mode: .*/    mode: ipvs/' | kubectl apply -f -
