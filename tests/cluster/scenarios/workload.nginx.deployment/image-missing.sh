# red: declared effective
# says: ImagePull
kubectl -n myserver set image deployment myserver-nginx-deployment '*=docker.io/library/nginx:0.0.0'
for i in $(seq 60); do
  kubectl -n myserver get pods | grep -q ImagePullBackOff && break
  sleep 2
done
