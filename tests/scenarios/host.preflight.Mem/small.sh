# red: effective
# says: found     1024 MB
# advice
# Played: the memory is the machine's, so another file is laid over /proc/meminfo.
# after: umount /proc/meminfo
sed 's/^MemTotal:.*/MemTotal:        1048576 kB/' /proc/meminfo >/root/meminfo
mount --bind /root/meminfo /proc/meminfo
