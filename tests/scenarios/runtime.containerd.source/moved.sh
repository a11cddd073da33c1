# red: effective
# says: ExecStart of containerd.service
# advice
# after: rm -r /etc/systemd/system/containerd.service.d/90-own.conf /opt/containerd
# after: systemctl daemon-reload
# after: systemctl restart containerd
mkdir -p /opt/containerd /etc/systemd/system/containerd.service.d
cp /usr/bin/containerd /opt/containerd/containerd
printf '[Service]\nExecStart=\nExecStart=/opt/containerd/containerd\n' >/etc/systemd/system/containerd.service.d/90-own.conf
systemctl daemon-reload
systemctl restart containerd
