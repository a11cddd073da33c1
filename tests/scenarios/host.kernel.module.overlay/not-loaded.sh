# long
# alone
# red: effective
# says: absent
# The lab's kernel has the module built in, so a kernel without it is simulated: an empty /sys/module, a list of built-in
# modules without it, and a modprobe that creates the directory as the kernel would.
# after: rm -r /sys/module /usr/local/sbin/modprobe
# after: mount -o remount,ro /sys
# after: mv /root/modules.builtin /lib/modules/$(uname -r)/modules.builtin
mount -o remount,rw /sys
mkdir /sys/module
cp /lib/modules/$(uname -r)/modules.builtin /root/modules.builtin
sed -i /overlay/d /lib/modules/$(uname -r)/modules.builtin
printf '#!/bin/sh\nmount -o remount,rw /sys; mkdir -p "/sys/module/$1"\n' >/usr/local/sbin/modprobe
chmod 755 /usr/local/sbin/modprobe
