# red: declared
# says: env password of myserver-nginx-container
# advice
# after: kubectl -n myserver set env deployment/myserver-nginx-deployment password-
# after: kubectl -n myserver rollout status deployment myserver-nginx-deployment --timeout=60s
kubectl -n myserver set env deployment/myserver-nginx-deployment password=123456
kubectl -n myserver rollout status deployment myserver-nginx-deployment --timeout=60s
