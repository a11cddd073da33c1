# red: effective
# says: 1.20.1-00
# also: kube.kubelet.service
# advice
# alone
# On a member of a cluster kubeadm upgrades, so the remedy refuses. The member is simulated by the files by which trueup
# recognises one.
# after: rm /etc/kubernetes/kubelet.conf /var/lib/kubelet/config.yaml
# after: apt-get -y -q --allow-downgrades --allow-change-held-packages install kubelet=1.20.2-00
# after: apt-mark hold kubelet
mkdir -p /etc/kubernetes /var/lib/kubelet
touch /etc/kubernetes/kubelet.conf
cat >/var/lib/kubelet/config.yaml <<'X'
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
X
apt-get -y -q --allow-downgrades --allow-change-held-packages install kubelet=1.20.1-00
apt-mark hold kubelet
