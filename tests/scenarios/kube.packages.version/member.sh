# red: effective
# says: 1.20.1-00
# also: kube.kubelet.service
# advice
# On a node of a cluster, kubeadm upgrades: the remedy leaves it alone. The node is played by the file that tells one.
# after: rm /etc/kubernetes/kubelet.conf
# after: apt-get -y -q --allow-downgrades --allow-change-held-packages install kubelet=1.20.2-00
# after: apt-mark hold kubelet
mkdir -p /etc/kubernetes
touch /etc/kubernetes/kubelet.conf
apt-get -y -q --allow-downgrades --allow-change-held-packages install kubelet=1.20.1-00
apt-mark hold kubelet
