# long
# red: declared
# says: an empty file
: >/etc/containerd/config.toml
