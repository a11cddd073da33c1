# red: persistent
# says: br_netfilter in modules-load.d
rm /etc/modules-load.d/trueup-br_netfilter.conf
