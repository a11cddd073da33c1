# red: effective
# says: refused: nothing listens on 443 in the pod
# advice
# profile: workload: {nginx: {ports: [{name: http, port: 80, node_port: 30004}, {name: https, port: 443, node_port: 30443}]}}
# after: kubectl -n myserver patch service myserver-nginx-service -p '{"spec": {"ports": [{"$patch": "delete", "port": 443}]}}'
# As in the guide, whose image does not listen on 443. Deployment and Service match this profile.
kubectl -n myserver patch deployment myserver-nginx-deployment -p '{"spec": {"template": {"spec": {"containers": [
  {"name": "myserver-nginx-container", "ports": [{"name": "https", "containerPort": 443, "protocol": "TCP"}]}]}}}}'
kubectl -n myserver patch service myserver-nginx-service -p '{"spec": {"ports": [
  {"name": "https", "port": 443, "targetPort": 443, "nodePort": 30443, "protocol": "TCP"}]}}'
kubectl -n myserver rollout status deployment myserver-nginx-deployment --timeout=60s
