# long
# red: effective
# says: --client-cert-auth of etcd
# says: 0.0.0.0:2379
# says: answered 200
# advice
# alone
# after: cp -p /root/etcd.yaml /etc/kubernetes/manifests/etcd.yaml; rm /root/etcd.yaml
# after: for second in $(seq 300); do ! grep -qsF 0.0.0.0:2379 /proc/$(pgrep -x etcd)/cmdline && kubectl --kubeconfig /etc/kubernetes/admin.conf get --raw /readyz >/dev/null 2>&1 && curl -skf https://127.0.0.1:10257/healthz >/dev/null && curl -skf https://127.0.0.1:10259/healthz >/dev/null && exit 0; sleep 1; done; exit 1
# etcd requires no client certificate and listens on all addresses.
cp -p /etc/kubernetes/manifests/etcd.yaml /root/
sed -e '/ --client-cert-auth=/d' -e '/ --trusted-ca-file=/d' \
  -e 's|--listen-client-urls=.*|--listen-client-urls=https://0.0.0.0:2379|' /root/etcd.yaml >/etc/kubernetes/manifests/etcd.yaml
for second in $(seq 300); do
  grep -qsF 0.0.0.0:2379 /proc/$(pgrep -x etcd)/cmdline &&
    kubectl --kubeconfig /etc/kubernetes/admin.conf get --raw /readyz >/dev/null 2>&1 &&
    curl -skf https://127.0.0.1:10257/healthz >/dev/null && curl -skf https://127.0.0.1:10259/healthz >/dev/null && exit 0
  sleep 1
done
exit 1
