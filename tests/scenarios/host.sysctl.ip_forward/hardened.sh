# red: effective persistent
# says: /etc/sysctl.d/zzz-hardening.conf:1
echo 'net/ipv4/ip_forward = 0' >/etc/sysctl.d/zzz-hardening.conf
sysctl -w net.ipv4.ip_forward=0
