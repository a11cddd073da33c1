# red: declared
# says: replicas of Deployment myserver/myserver-nginx-deployment
kubectl -n myserver scale deployment myserver-nginx-deployment --replicas=1
kubectl -n myserver rollout status deployment myserver-nginx-deployment --timeout=60s
