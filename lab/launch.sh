#!/bin/sh
# Keeps one host running, from inside its cgroups: launch.sh NAME DIRECTORY CGROUP...
name=$1 dir=$2 status=133; shift 2
ulimit -n 20000 2>/dev/null
export SYSTEMD_NSPAWN_LOCK=0 SYSTEMD_NSPAWN_API_VFS_WRITABLE=network # /proc/sys/net writable, the rest not
# nspawn mounts the cgroup v1 controllers read-only; the host's own, namespaced, part of them becomes writable
init='for mount in $(awk "/ - cgroup /{print \$5}" /proc/self/mountinfo); do mount -o remount,rw,bind "$mount"; done
  exec /lib/systemd/systemd'
while [ $status = 133 ]; do # with which nspawn ends when the host asks for a reboot
  for group; do echo 0 > "$group/cgroup.procs"; done # nspawn leaves this shell in its supervisor/
  # nsenter, because with nspawn's own --network-namespace-path /proc/sys/net stays read-only
  nsenter "--net=/run/netns/lab-$name" systemd-nspawn --quiet --register=no --keep-unit "--directory=$dir/root" \
    "--machine=$name" "--hostname=$name" --capability=all --system-call-filter=@known --resolv-conf=off \
    --timezone=off --link-journal=no "--bind=$dir/containerd:/var/lib/containerd" \
    --console=pipe --kill-signal=SIGRTMIN+3 /bin/sh -c "$init"
  status=$?
done
