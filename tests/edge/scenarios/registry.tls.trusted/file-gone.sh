# long
# at: w3
# red: declared
# says: found     no such file: /etc/containerd/certs.d/harbor.lab
rm /etc/containerd/certs.d/harbor.lab:*/*.crt
