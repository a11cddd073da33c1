# red: effective
# says: ip on PATH
# also: host.identity.unique
# advice
# The package is installed but its program is missing, so a plain installation changes nothing.
# after: for dir in /usr/bin /usr/sbin; do [ ! -e $dir/ip.away ] || mv $dir/ip.away $dir/ip; done
for dir in /usr/bin /usr/sbin; do [ ! -e $dir/ip ] || mv $dir/ip $dir/ip.away; done
