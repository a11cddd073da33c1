# What is included counts, and is edited where it is.
# at: lb2
# red: declared
# says: priority of VI_1
sed '/^vrrp_instance/,$!d; s/priority 90/priority 91/' /etc/keepalived/keepalived.conf >/etc/keepalived/vi.inc
sed -i '/^vrrp_instance/,$d' /etc/keepalived/keepalived.conf
echo 'include vi.inc' >>/etc/keepalived/keepalived.conf
systemctl reload keepalived
