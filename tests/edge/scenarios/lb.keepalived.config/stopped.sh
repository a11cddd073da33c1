# long
# at: lb2
# red: effective
# says: inactive
systemctl stop keepalived
