# As in the guide.
# at: lb2
# red: declared
# says: /etc/keepalive/keepaliv.conf
# says: keepalived never reads it
# after: rm -rf /etc/keepalive
mkdir /etc/keepalive
mv /etc/keepalived/keepalived.conf /etc/keepalive/keepaliv.conf
systemctl restart keepalived
