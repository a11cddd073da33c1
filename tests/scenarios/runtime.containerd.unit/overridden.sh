# red: effective
# says: KillMode
# says: found     mixed
rm -rf /etc/systemd/system/containerd.service.d; mkdir /etc/systemd/system/containerd.service.d
printf '[Service]\nKillMode=mixed\nOOMScoreAdjust=0\n' >/etc/systemd/system/containerd.service.d/50-local.conf
systemctl daemon-reload
