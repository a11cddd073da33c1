# at: lb2
# red: effective
# says: 10.77.0.100 is not on this host, and net.ipv4.ip_nonlocal_bind is not 1
# also: lb.sysctl.ip_nonlocal_bind
sysctl -qw net.ipv4.ip_nonlocal_bind=0
systemctl restart haproxy || :
until [ "$(systemctl show -p ActiveState --value haproxy)" = failed ]; do sleep 0.2; done
