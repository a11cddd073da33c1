# at: lb2
# red: effective
# says: changed after that
sleep 1.1
echo '# a line that changes nothing' >>/etc/haproxy/haproxy.cfg
