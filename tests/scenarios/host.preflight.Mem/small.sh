# red: effective
# says: found     1024 MB
# advice
# Simulated: the memory is the machine's, so another file is mounted over /proc/meminfo.
# after: umount /proc/meminfo
sed 's/^MemTotal:.*/MemTotal:        1048576 kB/' /proc/meminfo >/root/meminfo
mount --bind /root/meminfo /proc/meminfo
