# red: declared
# says: kube-scheduler.yaml
# says: no manifest and no process
# also: kube.control_plane.static_pods
# advice
# after: mv /root/kube-scheduler.yaml /etc/kubernetes/manifests/
# after: for second in $(seq 300); do curl -skf https://127.0.0.1:10259/healthz >/dev/null && exit 0; sleep 1; done; exit 1
mv /etc/kubernetes/manifests/kube-scheduler.yaml /root/
for second in $(seq 90); do pgrep -x kube-scheduler >/dev/null || exit 0; sleep 1; done
exit 1
