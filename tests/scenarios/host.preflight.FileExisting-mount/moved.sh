# red: effective
# says: mount on PATH
# advice
# The package is installed but its program is missing, so a plain installation changes nothing.
# after: for dir in /usr/bin /usr/sbin; do [ ! -e $dir/mount.away ] || mv $dir/mount.away $dir/mount; done
for dir in /usr/bin /usr/sbin; do [ ! -e $dir/mount ] || mv $dir/mount $dir/mount.away; done
