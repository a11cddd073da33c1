# red: effective
# says: mount on PATH
# advice
# Its package is installed, so that installing it changes nothing.
# after: for dir in /usr/bin /usr/sbin; do [ ! -e $dir/mount.away ] || mv $dir/mount.away $dir/mount; done
for dir in /usr/bin /usr/sbin; do [ ! -e $dir/mount ] || mv $dir/mount $dir/mount.away; done
