# at: w2
# red: effective
# says: a kubelet that has joined
# first: kubectl -n kube-system get secrets -o name | grep bootstrap-token | xargs -r kubectl -n kube-system delete
# also: kube.images.same_digest
# also: kube.kubelet.cgroup_driver
# also: kube.nodes.ready
# also: kube.nodes.heartbeat
# also: kube.proxy.mode
# also: kube.coredns.ready
# also: network.calico.installed
# also: workload.nginx.deployment
# also: workload.nginx.nodeport
# also: network.calico.bgp
# A day after `kubeadm init` no token is left, and somebody has reset a worker: its Node is still there.
kubeadm reset -f >/dev/null 2>&1
rm -rf /etc/cni/net.d/*
sleep 50  # until the cluster knows that its node is lost
