# long
# red: persistent
# says: /etc/sysctl.d/zz-trueup.conf
sed -i 's/^net.ipv4.ip_forward = 1/net.ipv4.ip_forward = 0/' /etc/sysctl.d/zz-trueup.conf
