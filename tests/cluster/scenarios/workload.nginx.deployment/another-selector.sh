# red: declared
# says: spec.selector cannot be changed
# also: workload.nginx.service
# also: workload.nginx.nodeport
# advice
# after: kubectl -n myserver delete deployment myserver-nginx-deployment
kubectl -n myserver get deployment myserver-nginx-deployment -o yaml >/root/nginx.yaml
kubectl -n myserver delete deployment myserver-nginx-deployment
sed 's/myserver-nginx-selector/another/' /root/nginx.yaml | kubectl create -f -
rm /root/nginx.yaml
kubectl -n myserver rollout status deployment myserver-nginx-deployment --timeout=60s
