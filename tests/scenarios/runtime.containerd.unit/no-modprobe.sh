# red: effective
# says: ExecStartPre
mkdir -p /etc/systemd/system/containerd.service.d
rm -f /etc/systemd/system/containerd.service.d/zz-trueup.conf
printf '[Service]\nExecStartPre=\n' >/etc/systemd/system/containerd.service.d/20-quick.conf
systemctl daemon-reload
