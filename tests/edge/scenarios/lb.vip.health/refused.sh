# What one balancer cannot reach may be well for the other.
# at: lb2
# red: effective
# says: an answer in tls
# advice
# after: iptables -D OUTPUT -p tcp --dport 6443 -j REJECT --reject-with tcp-reset
iptables -I OUTPUT -p tcp --dport 6443 -j REJECT --reject-with tcp-reset
