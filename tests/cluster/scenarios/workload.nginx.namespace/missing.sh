# red: declared
# says: not there
# As the guide has it: its manifest is of a namespace that nobody made.
kubectl delete namespace myserver --timeout=120s
