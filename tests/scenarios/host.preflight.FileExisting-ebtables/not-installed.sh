# long
# red: effective
# says: ebtables on PATH
# alone
# after: rm -r /root/repository /etc/apt/sources.list.d/local.list
# The package ebtables has its own program, which is on PATH only as an alternative to that of iptables.
# after: update-alternatives --install /usr/sbin/ebtables ebtables /usr/sbin/ebtables-legacy 10
update-alternatives --remove ebtables /usr/sbin/ebtables-legacy
lack iptables /usr/sbin/ebtables-nft
ln -s iptables-nft /usr/sbin/iptables
