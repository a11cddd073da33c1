# red: declared
# says: containerd uses nothing of it
echo '[host' >/etc/containerd/certs.d/docker.io/hosts.toml
