# long
# red: effective
# says: found     0
sysctl -w net.bridge.bridge-nf-call-ip6tables=0
