# long
# red: persistent
# says: /etc/sysctl.d/zzz-hardening.conf:2
printf '# hardening\nnet.ipv4.ip_forward=0\n' >/etc/sysctl.d/zzz-hardening.conf
