# long
# red: declared
# says: found     http://10.77.0.254:5000
# advice
# after: cp -p /root/hosts.toml /etc/containerd/certs.d/docker.io/hosts.toml
# A setting that a profile cannot express would be lost if the file was rewritten: the remedy refuses and names it.
cp -p /etc/containerd/certs.d/docker.io/hosts.toml /root/hosts.toml
printf '[host."http://10.77.0.254:5000"]\n  [host."http://10.77.0.254:5000".header]\n  x-site = "b"\n' \
  >/etc/containerd/certs.d/docker.io/hosts.toml
