# red: effective
# says: tc on PATH
# advice
# Its package is installed, so that installing it changes nothing.
# after: for dir in /usr/bin /usr/sbin; do [ ! -e $dir/tc.away ] || mv $dir/tc.away $dir/tc; done
for dir in /usr/bin /usr/sbin; do [ ! -e $dir/tc ] || mv $dir/tc $dir/tc.away; done
