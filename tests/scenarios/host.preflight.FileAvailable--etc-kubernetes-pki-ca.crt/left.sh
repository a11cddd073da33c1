# red: effective
# says: /etc/kubernetes/pki/ca.crt is there
# advice
# after: rm -rf /etc/kubernetes
mkdir -p /etc/kubernetes/pki
echo '# of another cluster' >/etc/kubernetes/pki/ca.crt
