# red: declared
# says: found     https://mirror.lab:5443, http://10.77.0.254:5000
printf '[host."https://mirror.lab:5443"]\n[host."http://10.77.0.254:5000"]\n' >/etc/containerd/certs.d/docker.io/hosts.toml
