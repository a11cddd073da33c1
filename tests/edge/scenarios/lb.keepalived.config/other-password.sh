# Both hosts hold the address: each rejects the other's adverts.
# at: lb2
# red: declared
# says: passwords differ: the profile's on lb1, another on lb2
# also: lb.vip.single_holder
sed -i 's/auth_pass .*/auth_pass guessed1/' /etc/keepalived/keepalived.conf
systemctl reload keepalived
until ip -o addr show | grep -q 10.77.0.100/; do sleep 0.2; done
