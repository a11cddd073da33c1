# red: declared
# says: hosts.toml
echo '[host' >/etc/containerd/certs.d/docker.io/hosts.toml
