# red: effective
# says: tc on PATH
# advice
# The package is installed but its program is missing, so a plain installation changes nothing.
# after: for dir in /usr/bin /usr/sbin; do [ ! -e $dir/tc.away ] || mv $dir/tc.away $dir/tc; done
for dir in /usr/bin /usr/sbin; do [ ! -e $dir/tc ] || mv $dir/tc $dir/tc.away; done
