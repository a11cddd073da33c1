# red: effective
# says: nsenter on PATH
# advice
# Its package is installed, so that installing it changes nothing.
# after: for dir in /usr/bin /usr/sbin; do [ ! -e $dir/nsenter.away ] || mv $dir/nsenter.away $dir/nsenter; done
for dir in /usr/bin /usr/sbin; do [ ! -e $dir/nsenter ] || mv $dir/nsenter $dir/nsenter.away; done
