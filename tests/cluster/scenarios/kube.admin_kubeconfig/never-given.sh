# red: declared
# says: absent
# says: ~op/.kube/config
rm -r /home/op/.kube
