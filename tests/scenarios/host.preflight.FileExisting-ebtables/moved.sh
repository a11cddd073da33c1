# red: effective
# says: ebtables on PATH
# advice
# The package is installed but its program is missing, so a plain installation changes nothing.
# after: for dir in /usr/bin /usr/sbin; do [ ! -e $dir/ebtables.away ] || mv $dir/ebtables.away $dir/ebtables; done
for dir in /usr/bin /usr/sbin; do [ ! -e $dir/ebtables ] || mv $dir/ebtables $dir/ebtables.away; done
