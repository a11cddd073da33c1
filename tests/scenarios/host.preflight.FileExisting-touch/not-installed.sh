# long
# red: effective
# says: touch on PATH
# alone
# after: rm -r /root/repository /etc/apt/sources.list.d/local.list
lack coreutils /usr/bin/touch
