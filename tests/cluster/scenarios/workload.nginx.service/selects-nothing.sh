# red: declared effective
# says: no pod matches its selector
kubectl -n myserver patch service myserver-nginx-service -p '{"spec": {"selector": {"app": "nobody"}}}'
