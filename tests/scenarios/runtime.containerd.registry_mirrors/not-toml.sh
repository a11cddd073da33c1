# long
# red: declared
# says: containerd ignores the whole file
echo '[host' >/etc/containerd/certs.d/docker.io/hosts.toml
