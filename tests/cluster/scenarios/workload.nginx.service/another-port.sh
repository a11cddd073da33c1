# red: declared
# says: 30104
# also: workload.nginx.nodeport
kubectl -n myserver patch service myserver-nginx-service -p '{"spec": {"ports": [{"port": 80, "nodePort": 30104}]}}'
