# long
# red: effective
# says: not executable: loopback
chmod -x /opt/cni/bin/loopback
