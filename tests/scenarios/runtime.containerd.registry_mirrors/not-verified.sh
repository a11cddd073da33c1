# long
# red: declared
# says: skip_verify of
sed -i 's/^ *ca = .*/&\n  skip_verify = true/' /etc/containerd/certs.d/docker.io/hosts.toml
