# at: w1
# red: effective
# says: inactive
# also: kube.nodes.heartbeat
# says: renewed in the last 20 s
# profile: kube: {nodes: {heartbeat: 20}}
systemctl stop kubelet
sleep 24
