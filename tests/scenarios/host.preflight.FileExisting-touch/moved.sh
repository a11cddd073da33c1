# red: effective
# says: touch on PATH
# advice
# The package is installed but its program is missing, so a plain installation changes nothing.
# after: for dir in /usr/bin /usr/sbin; do [ ! -e $dir/touch.away ] || mv $dir/touch.away $dir/touch; done
for dir in /usr/bin /usr/sbin; do [ ! -e $dir/touch ] || mv $dir/touch $dir/touch.away; done
