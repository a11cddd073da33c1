# long
# red: effective
# says: crictl on PATH
# alone
dpkg --remove --force-depends cri-tools
