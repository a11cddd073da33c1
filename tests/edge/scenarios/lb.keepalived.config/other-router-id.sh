# long
# Both hosts hold the address: each ignores the other's adverts.
# at: lb2
# red: declared
# says: virtual_router_id differ: 50 on lb1, 51 on lb2
# also: lb.vip.single_holder
sed -i 's/virtual_router_id 50/virtual_router_id 51/' /etc/keepalived/keepalived.conf
systemctl reload keepalived
until ip -o addr show | grep -q 10.77.0.100/; do sleep 0.2; done
