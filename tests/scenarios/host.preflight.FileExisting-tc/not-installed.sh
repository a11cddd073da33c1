# long
# red: effective
# says: tc on PATH
# alone
# after: rm -r /root/repository /etc/apt/sources.list.d/local.list
lack iproute2 /sbin/tc
