# red: effective
# says: losetup on PATH
# advice
# The package is installed but its program is missing, so a plain installation changes nothing.
# after: for dir in /usr/bin /usr/sbin; do [ ! -e $dir/losetup.away ] || mv $dir/losetup.away $dir/losetup; done
for dir in /usr/bin /usr/sbin; do [ ! -e $dir/losetup ] || mv $dir/losetup $dir/losetup.away; done
