# red: effective
# says: /dev/zram0
# says: swap in compressed memory
# Swap is the machine's, and no host of the lab may change it. It is simulated by a file mounted over /proc/swaps and a
# swapoff that empties it; trueup really reads the one and calls the other.
# after: umount /proc/swaps; rm /usr/local/sbin/swapoff /root/swaps
printf 'Filename Type Size Used Priority\n/dev/zram0 partition 1048572 0 100\n' >/root/swaps
printf '#!/bin/sh\n[ "$*" = /dev/zram0 ] && echo Filename >/root/swaps\n' >/usr/local/sbin/swapoff
chmod 755 /usr/local/sbin/swapoff
mount --bind /root/swaps /proc/swaps
