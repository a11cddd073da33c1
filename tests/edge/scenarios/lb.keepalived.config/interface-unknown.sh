# long
# at: lb2
# red: declared effective
# says: eth7: no such interface
sed -i 's/interface eth0/interface eth7/' /etc/keepalived/keepalived.conf
systemctl reload keepalived || :
timeout 20 sh -c 'while systemctl -q is-active keepalived; do sleep 0.2; done'  # keepalived ends after a while
