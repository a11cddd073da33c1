# red: effective
# says: ImagePull
# As of a version that was never mirrored.
kubectl -n kubernetes-dashboard set image deployment kubernetes-dashboard '*=docker.io/library/nginx:0.0.1'
for i in $(seq 60); do
  kubectl -n kubernetes-dashboard get pods | grep -q ImagePullBackOff && break
  sleep 2
done
