# long
# red: persistent
# says: /etc/sysctl.conf:1
# says: sysctl --system
# after: mv /root/99-sysctl.conf /etc/sysctl.d/99-sysctl.conf 2>/dev/null || :
# after: mv /root/sysctl.conf /etc/sysctl.conf 2>/dev/null || rm -f /etc/sysctl.conf
cp /etc/sysctl.conf /root/sysctl.conf 2>/dev/null || :
mv /etc/sysctl.d/99-sysctl.conf /root/99-sysctl.conf 2>/dev/null || :
echo 'net.ipv4.ip_forward=0' >/etc/sysctl.conf
