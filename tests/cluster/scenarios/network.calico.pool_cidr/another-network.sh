# long
# red: effective
# says: 10.50.0.0/16
# The pool that calico-node creates by default; no pod has an address of it.
kubectl patch ippools default-ipv4-ippool --type merge -p '{"spec": {"cidr": "10.50.0.0/16"}}'
