# at: lb2
# red: declared
# says: listen harbor_6443
sed -i '/^listen/,$d' /etc/haproxy/haproxy.cfg
systemctl reload haproxy
