# red: persistent
# says: /etc/sysctl.d/zzz-hardening6.conf:2
printf '# hardening\nnet.bridge.bridge-nf-call-ip6tables=0\n' >/etc/sysctl.d/zzz-hardening6.conf
