# long
# red: declared
# says: 30104
kubectl -n myserver patch service myserver-nginx-service -p '{"spec": {"ports": [{"port": 80, "nodePort": 30104}]}}'
