# long
# red: declared
# says: mode of /root/.kube/config
chmod 644 /root/.kube/config
