# red: effective
# says: crictl on PATH
# advice
# The package is installed but its program is missing, so a plain installation changes nothing.
# after: for dir in /usr/bin /usr/sbin; do [ ! -e $dir/crictl.away ] || mv $dir/crictl.away $dir/crictl; done
for dir in /usr/bin /usr/sbin; do [ ! -e $dir/crictl ] || mv $dir/crictl $dir/crictl.away; done
