# The statement is in an included file, and is edited there.
# at: lb2
# red: declared
# says: priority of VI_1
# after: mv /etc/keepalived/keepalived.conf.kept /etc/keepalived/keepalived.conf; rm -f /etc/keepalived/vi.inc
cd /etc/keepalived
cp -p keepalived.conf keepalived.conf.kept
sed '/^vrrp_instance/,$!d; s/priority 90/priority 91/' keepalived.conf >vi.inc
sed -i '/^vrrp_instance/,$d' keepalived.conf
echo 'include vi.inc' >>keepalived.conf
systemctl reload keepalived
