# at: w1
# also: cluster.reachability
# red: effective
# says: Mesh_10_77_0_11
# advice
# after: iptables -D INPUT -p tcp --dport 179 -j DROP; iptables -D INPUT -p tcp --sport 179 -j DROP
# A firewall without a rule for BGP.
iptables -I INPUT -p tcp --dport 179 -j DROP
iptables -I INPUT -p tcp --sport 179 -j DROP
sleep 8
