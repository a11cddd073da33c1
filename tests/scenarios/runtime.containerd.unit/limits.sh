# long
# red: effective
# says: LimitNOFILE
# says: found     1024
rm -rf /etc/systemd/system/containerd.service.d; mkdir /etc/systemd/system/containerd.service.d
printf '[Service]\nLimitNOFILE=1024\nRestartSec=1min\n' >/etc/systemd/system/containerd.service.d/10-limits.conf
systemctl daemon-reload
