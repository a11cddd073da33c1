# at: lb2
# red: declared
# says: haproxy says nothing of its servers without it
sed -i '/stats socket/d' /etc/haproxy/haproxy.cfg
systemctl restart haproxy
