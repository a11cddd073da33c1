# long
# red: declared
# says: 600 nobody:nogroup
chown nobody:nogroup /etc/kubernetes/manifests/etcd.yaml
