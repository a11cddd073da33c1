# long
# red: effective
# says: ip on PATH
# also: host.preflight.FileExisting-tc
# also: host.identity.unique
# alone
# after: rm -r /root/repository /etc/apt/sources.list.d/local.list
offer iproute2
dpkg --remove --force-depends iproute2
