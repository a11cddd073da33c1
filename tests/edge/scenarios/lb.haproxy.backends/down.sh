# red: effective
# says: L4CON
# also: lb.vip.health
# advice
# profile: wait: 5
# after: iptables -D OUTPUT -p tcp --dport 443 -j REJECT --reject-with tcp-reset
iptables -I OUTPUT -p tcp --dport 443 -j REJECT --reject-with tcp-reset
sleep 4
