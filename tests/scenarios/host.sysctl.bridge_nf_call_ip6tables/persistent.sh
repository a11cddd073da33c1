# red: persistent
# says: /etc/sysctl.d/zz-trueup.conf
sed -i 's/^net.bridge.bridge-nf-call-ip6tables = 1/net.bridge.bridge-nf-call-ip6tables = 0/' /etc/sysctl.d/zz-trueup.conf
