# red: declared
# says: not there
# As in the guide, whose manifest uses a namespace that does not exist.
kubectl delete namespace myserver --timeout=120s
