# red: effective
# says: ip on PATH
# also: host.identity.unique
# advice
# Its package is installed, so that installing it changes nothing.
# after: for dir in /usr/bin /usr/sbin; do [ ! -e $dir/ip.away ] || mv $dir/ip.away $dir/ip; done
for dir in /usr/bin /usr/sbin; do [ ! -e $dir/ip ] || mv $dir/ip $dir/ip.away; done
