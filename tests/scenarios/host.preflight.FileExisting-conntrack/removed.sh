# long
# red: effective
# says: conntrack on PATH
# alone
dpkg --remove --force-depends conntrack
