# long
# red: effective
# says: mount on PATH
# also: host.preflight.FileExisting-losetup
# alone
# after: rm -r /root/repository /etc/apt/sources.list.d/local.list
offer mount
dpkg --remove --force-depends mount
