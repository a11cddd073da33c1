# red: effective
# says: conntrack on PATH
# advice
# The package is installed but its program is missing, so a plain installation changes nothing.
# after: for dir in /usr/bin /usr/sbin; do [ ! -e $dir/conntrack.away ] || mv $dir/conntrack.away $dir/conntrack; done
for dir in /usr/bin /usr/sbin; do [ ! -e $dir/conntrack ] || mv $dir/conntrack $dir/conntrack.away; done
