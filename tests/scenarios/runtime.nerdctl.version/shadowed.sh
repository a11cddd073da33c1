# long
# red: effective
# says: another copy comes first on PATH
# advice
# after: rm /usr/local/sbin/nerdctl
cp /usr/local/bin/nerdctl /usr/local/sbin/nerdctl
