# red: effective
# says: Deployment kubernetes-dashboard/kubernetes-dashboard
kubectl -n kubernetes-dashboard delete deployment kubernetes-dashboard
