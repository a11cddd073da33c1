# red: effective
# says: expected  700, or stricter
# says: /var/lib/etcd
# advice
# after: chmod 700 /var/lib/etcd
chmod 755 /var/lib/etcd
