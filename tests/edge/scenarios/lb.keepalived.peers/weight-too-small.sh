# red: declared
# says: with its haproxy down it would still win over lb2
sed -i 's/weight -30/weight -5/' /etc/keepalived/keepalived.conf
systemctl reload keepalived
