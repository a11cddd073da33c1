# long
# red: persistent
# says: not set
sed -i '/^net.ipv4.ip_forward/d' /etc/sysctl.d/zz-trueup.conf
