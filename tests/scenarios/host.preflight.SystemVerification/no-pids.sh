# red: effective
# says: CONFIG_CGROUP_PIDS of the kernel
# advice
# Simulated: the kernel is the machine's, so another configuration is mounted over each place where its own may be.
# after: umount "$(cat /root/kernel-config)"
config=/proc/config.gz
[ -e $config ] || config=/boot/config-$(uname -r)
echo $config >/root/kernel-config
case $config in
*.gz) zcat $config | sed '/^CONFIG_CGROUP_PIDS=/d' | gzip >/root/config ;;
*) sed '/^CONFIG_CGROUP_PIDS=/d' $config >/root/config ;;
esac
mount --bind /root/config $config
