# long
# red: effective
# says: connection refused
# says: its manifest is there, but no process of it
# says: unknown flag: --no-such-flag
# also: kube.control_plane.static_pods
# advice
# after: cp -p /root/kube-scheduler.yaml /etc/kubernetes/manifests/kube-scheduler.yaml; rm /root/kube-scheduler.yaml
# after: for second in $(seq 300); do curl -skf https://127.0.0.1:10259/healthz >/dev/null && exit 0; sleep 1; done; exit 1
# A flag that this release does not know: the container ends at once after each start.
cp -p /etc/kubernetes/manifests/kube-scheduler.yaml /root/
sed 's/^    - kube-scheduler$/&\n    - --no-such-flag=true/' /root/kube-scheduler.yaml >/etc/kubernetes/manifests/kube-scheduler.yaml
for second in $(seq 120); do
  grep -qsF 'no-such-flag' /var/log/pods/kube-system_kube-scheduler-*/kube-scheduler/*.log && break; sleep 1
done
for second in $(seq 60); do pgrep -x kube-scheduler >/dev/null || exit 0; sleep 1; done
exit 1
