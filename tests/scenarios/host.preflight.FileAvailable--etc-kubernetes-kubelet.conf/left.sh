# red: effective
# says: /etc/kubernetes/kubelet.conf is there
# advice
# An unfinished reset: kubelet's configuration is gone, so the host is no member of a cluster.
# after: rm -rf /etc/kubernetes
mkdir -p /etc/kubernetes
touch /etc/kubernetes/kubelet.conf
