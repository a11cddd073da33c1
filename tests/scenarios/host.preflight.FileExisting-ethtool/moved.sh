# red: effective
# says: ethtool on PATH
# advice
# Its package is installed, so that installing it changes nothing.
# after: for dir in /usr/bin /usr/sbin; do [ ! -e $dir/ethtool.away ] || mv $dir/ethtool.away $dir/ethtool; done
for dir in /usr/bin /usr/sbin; do [ ! -e $dir/ethtool ] || mv $dir/ethtool $dir/ethtool.away; done
