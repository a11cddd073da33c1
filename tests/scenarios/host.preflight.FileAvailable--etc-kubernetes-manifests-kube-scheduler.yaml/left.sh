# red: effective
# says: /etc/kubernetes/manifests/kube-scheduler.yaml is there
# advice
# after: rm -rf /etc/kubernetes
mkdir -p /etc/kubernetes/manifests
echo '# of another cluster' >/etc/kubernetes/manifests/kube-scheduler.yaml
