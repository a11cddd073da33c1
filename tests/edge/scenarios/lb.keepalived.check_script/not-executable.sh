# at: lb2
# red: effective
# says: keepalived ignores the script
chmod 644 /etc/keepalived/check-haproxy
systemctl restart keepalived
