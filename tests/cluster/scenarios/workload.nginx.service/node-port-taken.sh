# red: declared
# says: nodePort 30004 is taken by Service default/squatter
# also: workload.nginx.nodeport
# advice
# after: kubectl delete service squatter
kubectl -n myserver delete service myserver-nginx-service
kubectl create service nodeport squatter --tcp=80:80 --node-port=30004
