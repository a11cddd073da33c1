# long
# at: lb2
# profile: hosts: {lb2: {lb: {vrrp: {priority: 100}}}}
# red: declared
# says: lb1, lb2 have 100
# advice
# after: sed -i 's/priority 100/priority 90/' /etc/keepalived/keepalived.conf; systemctl reload keepalived
sed -i 's/priority 90/priority 100/' /etc/keepalived/keepalived.conf
systemctl reload keepalived
