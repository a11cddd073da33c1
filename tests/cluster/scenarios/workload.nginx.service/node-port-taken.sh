# long
# red: declared
# says: nodePort 30004 is taken by Service default/squatter
# advice
# after: kubectl delete service squatter
# after: kubectl create -f /root/nginx.yaml && rm /root/nginx.yaml
kubectl -n myserver get service myserver-nginx-service -o yaml >/root/nginx.yaml
kubectl -n myserver delete service myserver-nginx-service
kubectl create service nodeport squatter --tcp=80:80 --node-port=30004
