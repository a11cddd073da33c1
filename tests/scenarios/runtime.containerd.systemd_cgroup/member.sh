# long
# red: effective
# says: SystemdCgroup
# options: --max-disruption=drain
# refuses: pods on it are not disturbed undrained: no way to the Kubernetes API
# advice
# Pods of a member of a cluster would lose their cgroups, so it is drained first; without an API nothing is done. The
# member is simulated by the files by which trueup recognises one.
# after: rm /etc/kubernetes/kubelet.conf /var/lib/kubelet/config.yaml
# after: sed -i 's|SystemdCgroup = false|SystemdCgroup = true|' /etc/containerd/config.toml
# after: systemctl restart containerd
# profile: select: ["!kube.kubelet.service"]
mkdir -p /etc/kubernetes /var/lib/kubelet
touch /etc/kubernetes/kubelet.conf
echo 'cgroupDriver: systemd' >/var/lib/kubelet/config.yaml
sed -i 's|SystemdCgroup = true|SystemdCgroup = false|' /etc/containerd/config.toml
systemctl restart containerd
