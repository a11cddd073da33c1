# long
# red: persistent
# says: not set
sed -i '/^net.bridge.bridge-nf-call-ip6tables/d' /etc/sysctl.d/zz-trueup.conf
