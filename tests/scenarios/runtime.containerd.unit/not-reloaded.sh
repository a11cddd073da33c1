# red: persistent
# says: daemon-reload needed
rm -rf /etc/systemd/system/containerd.service.d; mkdir /etc/systemd/system/containerd.service.d
systemctl daemon-reload
printf '[Unit]\nDescription=changed on disk only\n' >/etc/systemd/system/containerd.service.d/30-note.conf
