# red: effective
# says: LimitNOFILE
# says: found     1024
mkdir -p /etc/systemd/system/containerd.service.d
rm -f /etc/systemd/system/containerd.service.d/zz-trueup.conf
printf '[Service]\nLimitNOFILE=1024\nRestartSec=1min\n' >/etc/systemd/system/containerd.service.d/10-limits.conf
systemctl daemon-reload
