# at: lb2
# red: effective
# says: keepalived leaves it out
chmod 644 /etc/keepalived/check-haproxy
systemctl restart keepalived
