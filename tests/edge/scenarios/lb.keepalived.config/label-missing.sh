# long
# at: lb2
# red: declared
# says: 10.77.0.100 dev eth0 label eth0:1
sed -i 's/ label eth0:1//' /etc/keepalived/keepalived.conf
systemctl reload keepalived
