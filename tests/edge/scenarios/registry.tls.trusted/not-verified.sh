# long
# at: w3
# red: declared
# says: not verified: anyone in between can answer in its place
sed -i 's/^  ca = .*/  skip_verify = true/' /etc/containerd/certs.d/harbor.lab:*/hosts.toml
