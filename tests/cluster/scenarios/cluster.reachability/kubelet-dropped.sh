# at: w1
# red: effective
# says: 10250, kubelet of w1, from cp1
# says: found     timeout
# says: probably a firewall: the port has a listener
# advice
# after: iptables -D INPUT -p tcp --dport 10250 -j DROP
# A firewall without a rule for kubelet: the node is Ready, but its pods' logs cannot be read.
iptables -I INPUT -p tcp --dport 10250 -j DROP
