# long
# red: declared
# says: only public CAs are trusted there
sed -i '/ca = /d' /etc/containerd/certs.d/docker.io/hosts.toml
