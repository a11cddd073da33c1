# red: effective
# says: found     absent
ctr -n k8s.io images rm --sync registry.lab:5000/google_containers/coredns:1.7.0
