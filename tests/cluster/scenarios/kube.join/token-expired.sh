# at: w2
# red: effective
# says: expected  a node w2
# first: kubectl -n kube-system get secrets -o name | grep bootstrap-token | xargs -r kubectl -n kube-system delete
# first: kubectl delete node w2
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
# A day after `kubeadm init` no token is left; a worker that was taken out of the cluster comes back.
kubeadm reset -f >/dev/null 2>&1
rm -rf /etc/cni/net.d/*
