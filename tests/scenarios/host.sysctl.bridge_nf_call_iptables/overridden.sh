# red: persistent
# says: /etc/sysctl.d/zzz-hardening.conf:2
printf '# hardening\nnet.bridge.bridge-nf-call-iptables=0\n' >/etc/sysctl.d/zzz-hardening.conf
