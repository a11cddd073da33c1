# red: effective
# says: socat on PATH
# advice
# Its package is installed, so that installing it changes nothing.
# after: for dir in /usr/bin /usr/sbin; do [ ! -e $dir/socat.away ] || mv $dir/socat.away $dir/socat; done
for dir in /usr/bin /usr/sbin; do [ ! -e $dir/socat ] || mv $dir/socat $dir/socat.away; done
