# red: effective
# says: https://mirror.lab:5443/v2/
# advice
# after: iptables -D OUTPUT -p tcp --dport 5443 -j REJECT --reject-with tcp-reset
iptables -I OUTPUT -p tcp --dport 5443 -j REJECT --reject-with tcp-reset
