# red: effective
# says: ebtables on PATH
# advice
# Its package is installed, so that installing it changes nothing.
# after: for dir in /usr/bin /usr/sbin; do [ ! -e $dir/ebtables.away ] || mv $dir/ebtables.away $dir/ebtables; done
for dir in /usr/bin /usr/sbin; do [ ! -e $dir/ebtables ] || mv $dir/ebtables $dir/ebtables.away; done
