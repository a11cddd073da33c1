# long
# red: effective
# says: ImagePull
# A version that the mirror does not have.
kubectl -n kubernetes-dashboard set image deployment kubernetes-dashboard '*=docker.io/library/nginx:0.0.1'
for i in $(seq 60); do
  kubectl -n kubernetes-dashboard get pods | grep -q ImagePullBackOff && break
  sleep 2
done
