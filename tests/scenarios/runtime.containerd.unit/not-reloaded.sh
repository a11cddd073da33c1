# red: persistent
# says: a daemon-reload is due
mkdir -p /etc/systemd/system/containerd.service.d
rm -f /etc/systemd/system/containerd.service.d/zz-trueup.conf
printf '[Unit]\nDescription=changed on disk only\n' >/etc/systemd/system/containerd.service.d/30-note.conf
