# at: w1
# red: effective
# says: `kubeadm upgrade
# says: v1.19.9
# also: kube.packages.version
# also: host.preflight.KubeletVersion
# also: kube.nodes.ready
# advice
# after: apt-get install -y -q --allow-downgrades --allow-change-held-packages kubelet=1.20.2-00 && apt-mark hold kubelet
apt-get install -y -q --allow-downgrades --allow-change-held-packages kubelet=1.19.9-00
apt-mark hold kubelet
for second in $(seq 60); do
  kubectl --kubeconfig /etc/kubernetes/kubelet.conf get node w1 -o jsonpath='{.status.nodeInfo.kubeletVersion}' | grep -q 1.19.9 && break
  sleep 1
done
