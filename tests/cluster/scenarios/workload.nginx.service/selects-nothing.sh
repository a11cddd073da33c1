# red: declared effective
# says: no pod has the labels of its selector
kubectl -n myserver patch service myserver-nginx-service -p '{"spec": {"selector": {"app": "nobody"}}}'
