# red: effective
# says: CONFIG_CGROUP_PIDS of the kernel
# advice
# Played: the kernel is the machine's, so another configuration is laid over /proc/config.gz.
# after: umount /proc/config.gz
zcat /proc/config.gz | sed '/^CONFIG_CGROUP_PIDS=/d' | gzip >/root/config.gz
mount --bind /root/config.gz /proc/config.gz
