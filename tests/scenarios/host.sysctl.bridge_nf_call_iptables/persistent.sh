# long
# red: persistent
# says: /etc/sysctl.d/zz-trueup.conf
sed -i 's/^net.bridge.bridge-nf-call-iptables = 1/net.bridge.bridge-nf-call-iptables = 0/' /etc/sysctl.d/zz-trueup.conf
