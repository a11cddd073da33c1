# red: effective
# says: losetup on PATH
# advice
# Its package is installed, so that installing it changes nothing.
# after: for dir in /usr/bin /usr/sbin; do [ ! -e $dir/losetup.away ] || mv $dir/losetup.away $dir/losetup; done
for dir in /usr/bin /usr/sbin; do [ ! -e $dir/losetup ] || mv $dir/losetup $dir/losetup.away; done
