# long
# red: effective
# says: cgroup controller memory
# advice
# Simulated: the list of controllers of a kernel with cgroup_disable=memory is mounted over the real one.
# after: umount "$(cat /root/controllers)"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then list=/sys/fs/cgroup/cgroup.controllers; else list=/proc/cgroups; fi
echo $list >/root/controllers
sed -e 's/^\(memory.*\)1$/\10/' -e 's/\bmemory\b *//' $list >/root/list
mount --bind /root/list $list
