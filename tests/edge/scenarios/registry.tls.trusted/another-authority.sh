# long
# at: w3
# red: effective
# says: its signature is not by the key of lab registry CA
other_authority /tmp/other
for file in /etc/containerd/certs.d/harbor.lab:*/*.crt; do cp /tmp/other.crt "$file"; done
