# red: declared
# says: no file
rm /etc/containerd/config.toml
