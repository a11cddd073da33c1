# long
# at: lb2
# red: declared
# says: without it nobody can ask haproxy which servers are up
sed -i '/stats socket/d' /etc/haproxy/haproxy.cfg
systemctl restart haproxy
