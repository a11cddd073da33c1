# at: lb2
# red: declared effective
# says: eth7: no such interface
sed -i 's/interface eth0/interface eth7/' /etc/keepalived/keepalived.conf
systemctl reload keepalived
