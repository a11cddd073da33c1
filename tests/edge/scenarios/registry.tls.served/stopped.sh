# at: reg1
# red: effective
# also: registry.tls.trusted
# says: found     Connection refused
systemctl stop nginx
