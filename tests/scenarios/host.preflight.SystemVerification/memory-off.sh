# red: effective
# says: cgroup controller memory
# advice
# Played: what a kernel started with cgroup_disable=memory says is laid over its list of controllers.
# after: umount "$(cat /root/controllers)"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then list=/sys/fs/cgroup/cgroup.controllers; else list=/proc/cgroups; fi
echo $list >/root/controllers
sed -e 's/^\(memory.*\)1$/\10/' -e 's/\bmemory\b *//' $list >/root/list
mount --bind /root/list $list
