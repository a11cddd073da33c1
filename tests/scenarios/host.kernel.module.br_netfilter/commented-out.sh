# long
# red: persistent
# says: br_netfilter in modules-load.d
echo '# br_netfilter' >/etc/modules-load.d/trueup-br_netfilter.conf
