# long
# red: effective
# says: ethtool on PATH
# alone
dpkg --remove --force-depends ethtool
