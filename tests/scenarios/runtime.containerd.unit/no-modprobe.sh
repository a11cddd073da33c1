# long
# red: effective
# says: ExecStartPre
rm -rf /etc/systemd/system/containerd.service.d; mkdir /etc/systemd/system/containerd.service.d
printf '[Service]\nExecStartPre=\n' >/etc/systemd/system/containerd.service.d/20-quick.conf
systemctl daemon-reload
