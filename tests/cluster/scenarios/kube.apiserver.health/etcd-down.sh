# long
# red: effective
# says: etcd at https://
# says: expected  ok
# also: kube.etcd.health
# also: kube.api.answers
# also: kube.control_plane.static_pods
# also: kube.controller_manager.health
# also: kube.scheduler.health
# advice
# options: --host-timeout=8
# after: mv /root/etcd.yaml /etc/kubernetes/manifests/etcd.yaml; systemctl restart kubelet
# after: for second in $(seq 300); do kubectl --kubeconfig /etc/kubernetes/admin.conf get --raw /readyz >/dev/null 2>&1 && curl -skf https://127.0.0.1:10257/healthz >/dev/null && curl -skf https://127.0.0.1:10259/healthz >/dev/null && exit 0; sleep 1; done; exit 1
# etcd's manifest is moved away, as by somebody who edits it elsewhere: the API server reports no more than "withheld".
mv /etc/kubernetes/manifests/etcd.yaml /root/etcd.yaml
for second in $(seq 90); do pgrep -x etcd >/dev/null || break; sleep 1; done
# until the API server reports it, but before its liveness probe restarts it
for second in $(seq 60); do curl -sk https://127.0.0.1:6443/livez | grep -qF '[-]etcd' && exit 0; sleep 1; done
exit 1
