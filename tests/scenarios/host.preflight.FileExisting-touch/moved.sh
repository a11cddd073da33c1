# red: effective
# says: touch on PATH
# advice
# Its package is installed, so that installing it changes nothing.
# after: for dir in /usr/bin /usr/sbin; do [ ! -e $dir/touch.away ] || mv $dir/touch.away $dir/touch; done
for dir in /usr/bin /usr/sbin; do [ ! -e $dir/touch ] || mv $dir/touch $dir/touch.away; done
