#!/bin/sh -eu
# At every boot of a host: what kubelet wants of a machine and a container does not have. It comes back after a reboot
# only, so nothing here touches a cluster that runs.
[ -e /dev/kmsg ] || mknod -m 644 /dev/kmsg c 1 11
# kubelet sets these, which are the machine's and read-only: the host gets copies of its own
mkdir -p /run/lab-sysctl
for parameter in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  copy=/run/lab-sysctl/$(echo "$parameter" | tr / .)
  cat "/proc/sys/$parameter" > "$copy"
  mount --bind "$copy" "/proc/sys/$parameter"
done
# the machine keeps the cgroups of the last boot's pods: kubelet would spend more than a second on each
for pods in /sys/fs/cgroup/*/kubepods*; do
  [ ! -d "$pods" ] || find "$pods" -depth -type d -exec rmdir {} + || :
done
