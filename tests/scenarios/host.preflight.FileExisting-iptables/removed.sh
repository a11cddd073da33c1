# red: effective
# says: iptables on PATH
# also: host.preflight.FileExisting-ebtables
# alone
# after: rm -r /root/repository /etc/apt/sources.list.d/local.list
offer iptables
dpkg --remove --force-depends iptables
