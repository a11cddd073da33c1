# long
# at: reg1
# red: effective
# also: lb.haproxy.backends
# also: lb.vip.health
# says: found     Connection refused
systemctl stop nginx
