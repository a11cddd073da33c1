# red: persistent
# says: /etc/fstab
# says: /swap.img
printf '# swap was on /dev/sda5 during installation\n/swap.img none swap sw 0 0\n' >>/etc/fstab
systemctl daemon-reload
