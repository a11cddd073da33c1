# red: effective
# says: /etc/kubernetes/bootstrap-kubelet.conf is there
# advice
# after: rm -rf /etc/kubernetes
mkdir -p /etc/kubernetes
echo '# of a join that failed' >/etc/kubernetes/bootstrap-kubelet.conf
