# red: effective
# says: KillMode
# says: found     mixed
mkdir -p /etc/systemd/system/containerd.service.d
rm -f /etc/systemd/system/containerd.service.d/zz-trueup.conf
printf '[Service]\nKillMode=mixed\nOOMScoreAdjust=0\n' >/etc/systemd/system/containerd.service.d/50-local.conf
systemctl daemon-reload
