# long
# red: declared
# says: found     cgroupfs
# after: rm /var/lib/kubelet/config.yaml
mkdir -p /var/lib/kubelet
printf 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n' >/var/lib/kubelet/config.yaml
