# at: w2
# red: effective
# says: expected  a node w2
# first: kubectl -n kube-system get secrets -o name | grep bootstrap-token | xargs -r kubectl -n kube-system delete
# first: kubectl delete node w2
# first: kubectl delete pods -A --field-selector spec.nodeName=w2 --force --grace-period=0
# also: kube.images.same_digest
# also: kube.kubelet.cgroup_driver
# also: kube.nodes.ready
# also: kube.nodes.heartbeat
# also: kube.proxy.mode
# also: kube.coredns.ready
# also: network.calico.installed
# also: network.calico.autodetect
# also: network.calico.cluster_type
# also: network.calico.bgp
# also: workload.nginx.deployment
# also: workload.nginx.service
# also: workload.nginx.nodeport
# Remove its pods, too: the new kubelet would adopt a pod that is left, and need minutes to end it later.
# A day after `kubeadm init` its token has expired; a removed worker joins again.
kubeadm reset -f >/dev/null 2>&1
rm -rf /etc/cni/net.d/*
# The lab's crictl leaves the pods' networks, and new pods would get the same addresses.
ip netns list | awk '/^cni-/ {print $1}' | xargs -r -n 1 ip netns delete
