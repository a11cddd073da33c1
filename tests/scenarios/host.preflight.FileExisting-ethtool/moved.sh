# red: effective
# says: ethtool on PATH
# advice
# The package is installed but its program is missing, so a plain installation changes nothing.
# after: for dir in /usr/bin /usr/sbin; do [ ! -e $dir/ethtool.away ] || mv $dir/ethtool.away $dir/ethtool; done
for dir in /usr/bin /usr/sbin; do [ ! -e $dir/ethtool ] || mv $dir/ethtool $dir/ethtool.away; done
