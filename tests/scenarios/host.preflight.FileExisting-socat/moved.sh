# red: effective
# says: socat on PATH
# advice
# The package is installed but its program is missing, so a plain installation changes nothing.
# after: for dir in /usr/bin /usr/sbin; do [ ! -e $dir/socat.away ] || mv $dir/socat.away $dir/socat; done
for dir in /usr/bin /usr/sbin; do [ ! -e $dir/socat ] || mv $dir/socat $dir/socat.away; done
