# long
# red: declared
# says: spec.selector cannot be changed
# also: workload.nginx.service
# profile: wait: 30
# advice
# after: kubectl -n myserver delete deployment myserver-nginx-deployment
# after: kubectl create -f /root/nginx.yaml && rm /root/nginx.yaml
# after: kubectl -n myserver rollout status deployment myserver-nginx-deployment --timeout=60s
kubectl -n myserver get deployment myserver-nginx-deployment -o yaml >/root/nginx.yaml
kubectl -n myserver delete deployment myserver-nginx-deployment
sed 's/myserver-nginx-selector/another/' /root/nginx.yaml | kubectl create -f -
kubectl -n myserver rollout status deployment myserver-nginx-deployment --timeout=60s
