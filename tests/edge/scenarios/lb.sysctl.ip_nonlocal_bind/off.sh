# long
# red: effective
sysctl -qw net.ipv4.ip_nonlocal_bind=0
