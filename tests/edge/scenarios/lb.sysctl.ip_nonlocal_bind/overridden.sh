# red: persistent
# says: zzz.conf:1
echo 'net.ipv4.ip_nonlocal_bind = 0' >/etc/sysctl.d/zzz.conf
