# One balancer cannot reach the server, the other one can.
# at: lb2
# red: effective
# says: an answer in tls
# advice
# after: iptables -D OUTPUT -p tcp --dport 6443 -j REJECT --reject-with tcp-reset
iptables -I OUTPUT -p tcp --dport 6443 -j REJECT --reject-with tcp-reset
