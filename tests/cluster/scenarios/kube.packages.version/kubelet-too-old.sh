# long
# at: w1
# red: effective
# says: 1.19.9-00
# refuses: this host is part of a cluster: kubelet is upgraded by `kubeadm upgrade`
# also: network.calico.autodetect
# also: network.calico.cluster_type
# also: network.calico.installed
# also: network.calico.bgp
# also: kube.coredns.ready
# also: workload.nginx.deployment
# also: workload.nginx.service
# also: workload.nginx.nodeport
# advice
# after: apt-get install -y -q --allow-downgrades --allow-change-held-packages kubelet=1.20.2-00 && apt-mark hold kubelet && sleep 15
# A worker that was left out of an upgrade from 1.19 to 1.20.
apt-get install -y -q --allow-downgrades --allow-change-held-packages kubelet=1.19.9-00
apt-mark hold kubelet
for second in $(seq 60); do
  kubectl --kubeconfig /etc/kubernetes/kubelet.conf get node w1 -o 'jsonpath={.status.nodeInfo.kubeletVersion}' | grep -q 1.19.9 && break
  sleep 1
done
for second in $(seq 60); do
  kubectl --kubeconfig /etc/kubernetes/kubelet.conf get pods -A --field-selector spec.nodeName=w1 | grep -q ' 0/1 ' || break
  sleep 1
done
sleep 15  # until the other kubelet has synchronised its pods
