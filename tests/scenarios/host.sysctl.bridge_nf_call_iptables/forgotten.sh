# long
# red: persistent
# says: not set
sed -i '/^net.bridge.bridge-nf-call-iptables/d' /etc/sysctl.d/zz-trueup.conf
