# long
# red: declared
# says: a TOML document
echo 'version = = 2' >/etc/containerd/config.toml
