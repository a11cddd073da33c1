# long
# red: effective
# says: socat on PATH
# alone
dpkg --remove --force-depends socat
