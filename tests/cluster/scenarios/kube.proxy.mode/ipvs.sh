# red: declared
# says: found     ipvs
# Running pods read their mode at start: only the next one would use this.
kubectl -n kube-system get configmap kube-proxy -o yaml | sed 's/^    mode: .*/    mode: ipvs/' | kubectl apply -f -
