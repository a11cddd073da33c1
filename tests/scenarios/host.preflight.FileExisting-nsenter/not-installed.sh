# long
# red: effective
# says: nsenter on PATH
# alone
# after: rm -r /root/repository /etc/apt/sources.list.d/local.list
lack util-linux /usr/bin/nsenter
