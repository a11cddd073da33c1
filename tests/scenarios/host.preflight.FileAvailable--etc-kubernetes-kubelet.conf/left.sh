# red: effective
# says: /etc/kubernetes/kubelet.conf is there
# advice
# A reset that was not finished: kubelet's own configuration is gone, so that this is no node of a cluster.
# after: rm -rf /etc/kubernetes
mkdir -p /etc/kubernetes
touch /etc/kubernetes/kubelet.conf
