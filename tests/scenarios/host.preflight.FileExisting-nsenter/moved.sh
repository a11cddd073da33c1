# red: effective
# says: nsenter on PATH
# advice
# The package is installed but its program is missing, so a plain installation changes nothing.
# after: for dir in /usr/bin /usr/sbin; do [ ! -e $dir/nsenter.away ] || mv $dir/nsenter.away $dir/nsenter; done
for dir in /usr/bin /usr/sbin; do [ ! -e $dir/nsenter ] || mv $dir/nsenter $dir/nsenter.away; done
