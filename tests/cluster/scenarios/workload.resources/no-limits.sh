# red: declared
# says: limits of other of Deployment myserver/other
# says: docker.io/library/nginx:latest
# advice
# after: kubectl -n myserver delete deployment other
kubectl -n myserver create deployment other --image=docker.io/library/nginx:latest
kubectl -n myserver patch deployment other --type json -p '[{"op": "replace", "path": "/spec/template/spec/containers/0/name", "value": "other"}]'
