# long
# at: lb2
# red: declared
# says: 192.0.2.7:443
sed -i 's/\(server reg[12]\) [^ ]*/\1 192.0.2.7:443/' /etc/haproxy/haproxy.cfg
systemctl reload haproxy
