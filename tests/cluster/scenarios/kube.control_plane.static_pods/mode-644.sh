# red: declared
# says: 644 root:root
# says: /etc/kubernetes/manifests/kube-apiserver.yaml
chmod 644 /etc/kubernetes/manifests/kube-apiserver.yaml
