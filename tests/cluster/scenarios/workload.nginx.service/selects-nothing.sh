# red: declared effective
# says: no pod has the labels of its selector
# also: workload.nginx.nodeport
kubectl -n myserver patch service myserver-nginx-service -p '{"spec": {"selector": {"app": "nobody"}}}'
