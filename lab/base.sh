#!/bin/sh -eu
# mmdebstrap's last hook: fetches packages while apt still knows the machine's sources, then makes the
# new root file system that of a bare host.  $1 root, $OFFERED packages, $NEW the directory, $NET the lab's network
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
apt-get clean
apt-get install -y --download-only --no-install-recommends $OFFERED
cp -r "$1/var/cache/apt/archives" "$NEW/debs"
mkdir -p "$NEW/tools/usr/bin" "$NEW/tools/usr/sbin" "$NEW/tools/usr/lib"
cd "$NEW/tools"
ln -s usr/bin usr/sbin usr/lib . # as hosts have it: packages of older suites still name these directories
apt-get -o APT::Sandbox::User=root download $UNPACKED
for deb in *.deb; do
  dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink
  rm "$deb"
done
cd "$1"
kernel=$(uname -r)
rm -rf etc/apt/sources.list etc/apt/sources.list.d/* etc/ssh/ssh_host_* var/lib/dbus/machine-id etc/update-motd.d/*
mkdir -p etc/apt/keyrings var/log/journal etc/systemd/journald.conf.d "lib/modules/$kernel"
cp "$NEW/lab.gpg" etc/apt/keyrings/lab.gpg
printf 'Types: deb\nURIs: http://%s.254:8000\nSuites: ./\nSigned-By: /etc/apt/keyrings/lab.gpg\n' "$NET" \
  > etc/apt/sources.list.d/lab.sources
printf '[Journal]\nStorage=persistent\nSystemMaxUse=64M\nRateLimitIntervalSec=0\n' > etc/systemd/journald.conf.d/lab.conf
printf '%s\n' 'LogLevel VERBOSE' 'MaxStartups 200' 'PasswordAuthentication no' 'HostKey /etc/ssh/ssh_host_ed25519_key' \
  'AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/lab_authorized_keys' > etc/ssh/sshd_config.d/lab.conf
for user in op nosudo; do chroot . useradd --create-home --shell /bin/bash --password '*' $user; done
(umask 227 && echo 'op ALL=(ALL) NOPASSWD: ALL' > etc/sudoers.d/op)
# hosts have the machine's clock, which is not theirs to set: chrony takes it for right, and leaves it alone
mkdir -p etc/systemd/system/chrony.service.d etc/chrony/conf.d
printf '[Service]\nExecStart=\nExecStart=!/usr/sbin/chronyd -x\n' > etc/systemd/system/chrony.service.d/lab.conf
echo 'local stratum 10' > etc/chrony/conf.d/lab.conf
install -m 755 "${0%/*}/boot.sh" usr/local/sbin/lab-boot
cat > etc/systemd/system/lab-boot.service <<'UNIT'
[Unit]
Description=what kubelet wants of a machine and a container does not have
Before=kubelet.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/lab-boot
[Install]
WantedBy=multi-user.target
UNIT
chroot . systemctl -q enable lab-boot.service
# what a host without hardware, console or internet only spends boot time on
chroot . systemctl -q mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
  dpkg-db-backup.timer systemd-networkd-wait-online.service console-getty.service getty@tty1.service getty.target \
  sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount
# hosts use the machine's kernel: its configuration is there, and modprobe finds what it has as built in
[ ! -e "/boot/config-$kernel" ] || cp "/boot/config-$kernel" boot/
printf 'kernel/%s.ko\n' net/bridge/br_netfilter net/bridge/bridge fs/overlayfs/overlay net/netfilter/nf_conntrack \
  > "lib/modules/$kernel/modules.builtin"
tee etc/resolv.conf "lib/modules/$kernel/modules.order" < /dev/null
chroot . depmod "$kernel"
