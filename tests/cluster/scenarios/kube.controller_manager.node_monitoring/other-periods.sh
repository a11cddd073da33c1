# long
# red: effective
# says: --node-monitor-period of kube-controller-manager
# says: found     10s
# says: --node-monitor-grace-period of kube-controller-manager
# says: found     2m
# advice
# By the full command line: the kernel cuts the name of Calico's kube-controllers, which may run here, to the same letters.
# after: cp -p /root/kube-controller-manager.yaml /etc/kubernetes/manifests/kube-controller-manager.yaml; rm /root/kube-controller-manager.yaml
# after: for second in $(seq 300); do ! pgrep -f '^kube-controller-manager .*node-monitor-period=10s' >/dev/null && curl -skf https://127.0.0.1:10257/healthz >/dev/null && exit 0; sleep 1; done; exit 1
cp -p /etc/kubernetes/manifests/kube-controller-manager.yaml /root/
sed 's/^    - kube-controller-manager$/&\n    - --node-monitor-period=10s\n    - --node-monitor-grace-period=2m/' \
  /root/kube-controller-manager.yaml >/etc/kubernetes/manifests/kube-controller-manager.yaml
for second in $(seq 300); do
  pgrep -f '^kube-controller-manager .*node-monitor-period=10s' >/dev/null && curl -skf https://127.0.0.1:10257/healthz >/dev/null && exit 0; sleep 1
done
exit 1
