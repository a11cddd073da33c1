# long
# red: effective
# says: losetup on PATH
# alone
# after: rm -r /root/repository /etc/apt/sources.list.d/local.list
lack mount /sbin/losetup
