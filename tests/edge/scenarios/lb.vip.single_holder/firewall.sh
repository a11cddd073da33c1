# long
# Both hosts hold the address, and a restart of keepalived cannot help.
# at: lb2
# red: effective
# says: lb2 drops VRRP: iptables:
# advice
# refuses: nothing was changed
# after: iptables -D INPUT -p vrrp -j DROP; while ip -o addr show | grep -q 10.77.0.100/; do sleep 0.2; done
iptables -I INPUT -p vrrp -j DROP
until ip -o addr show | grep -q 10.77.0.100/; do sleep 0.2; done
