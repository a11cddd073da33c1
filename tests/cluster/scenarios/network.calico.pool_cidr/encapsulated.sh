# red: effective
# says: ipipMode
kubectl patch ippools default-ipv4-ippool --type merge -p '{"spec": {"ipipMode": "Always"}}'
