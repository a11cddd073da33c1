# long
# at: lb2
# red: declared
# says: 10.77.0.100/24 dev eth0
sed -i 's#10.77.0.100 dev#10.77.0.100/24 dev#' /etc/keepalived/keepalived.conf
systemctl reload keepalived
