# red: effective
# says: found     1
# advice
# Sessions are limited to one CPU, as kubeadm would be if a session started it.
# after: rm -r /etc/systemd/system/ssh.service.d
# after: systemctl daemon-reload && systemctl restart ssh
mkdir -p /etc/systemd/system/ssh.service.d
printf '[Service]\nCPUAffinity=0\n' >/etc/systemd/system/ssh.service.d/one.conf
systemctl daemon-reload
systemctl restart ssh
