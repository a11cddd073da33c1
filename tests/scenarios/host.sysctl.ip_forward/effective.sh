# red: effective
# says: found     0
sysctl -w net.ipv4.ip_forward=0
