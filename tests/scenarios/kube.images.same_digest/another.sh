# red: effective
# says: coredns:1.7.0
# peers
# advice
# after: ctr -n k8s.io images rm --sync registry.lab:5000/google_containers/coredns:1.7.0
# after: ctr -n k8s.io images pull --hosts-dir /etc/containerd/certs.d registry.lab:5000/google_containers/coredns:1.7.0
ctr -n k8s.io images tag --force registry.lab:5000/google_containers/etcd:3.4.13-0 registry.lab:5000/google_containers/coredns:1.7.0
