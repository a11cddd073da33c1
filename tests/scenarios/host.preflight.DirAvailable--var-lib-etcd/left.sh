# red: effective
# says: /var/lib/etcd/member is there
# advice
# after: rm -r /var/lib/etcd
mkdir -p /var/lib/etcd/member
