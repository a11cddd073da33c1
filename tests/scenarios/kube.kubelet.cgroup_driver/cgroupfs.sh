# red: declared
# says: cgroupDriver in /var/lib/kubelet/config.yaml
# after: rm /var/lib/kubelet/config.yaml
mkdir -p /var/lib/kubelet
cat >/var/lib/kubelet/config.yaml <<'X'
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs  # the default before 1.22
X
