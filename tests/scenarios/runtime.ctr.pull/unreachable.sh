# red: effective
# says: ctr images pull docker.io/library/alpine:latest
# also: runtime.containerd.registry_reachable
# profile: select: ["+runtime.ctr.pull"]
# advice
# after: iptables -D OUTPUT -p tcp -m multiport --dports 5000,5443 -j REJECT --reject-with tcp-reset
iptables -I OUTPUT -p tcp -m multiport --dports 5000,5443 -j REJECT --reject-with tcp-reset
