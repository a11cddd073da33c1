# long
# at: w1
# red: effective
# says: SystemdCgroup
# options: --max-disruption=drain
# A node from before Kubernetes 1.22: kubelet and containerd both use cgroupfs. It is drained, both change, it is uncordoned.
sed -i 's/SystemdCgroup = true/SystemdCgroup = false/' /etc/containerd/config.toml
sed -i 's/cgroupDriver: systemd/cgroupDriver: cgroupfs/' /var/lib/kubelet/config.yaml
systemctl restart containerd kubelet
sleep 20  # kubelet ends the pods of the other driver and recreates them
for second in $(seq 60); do
  kubectl --kubeconfig /etc/kubernetes/kubelet.conf get pods -A --field-selector spec.nodeName=w1 | grep -q ' 0/1 ' || break
  sleep 1
done
