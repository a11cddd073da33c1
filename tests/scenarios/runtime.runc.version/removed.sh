# long
# red: effective
# says: not installed
dpkg --force-depends --remove runc
