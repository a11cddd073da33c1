# red: effective
# says: kubeadm config images list
# says: expected  3.10.1
# advice
# after: rm /usr/local/bin/kubeadm
# A stand-in for kubeadm: it prints the list that kubeadm 1.34 would.
printf '#!/bin/sh\necho registry.k8s.io/kube-proxy:v1.34.0\necho registry.k8s.io/pause:3.10.1\n' >/usr/local/bin/kubeadm
chmod 755 /usr/local/bin/kubeadm
