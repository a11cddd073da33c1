# red: declared
# says: no such file: /etc/containerd/certs.d/docker.io/mirror.lab_5443.crt
rm /etc/containerd/certs.d/docker.io/mirror.lab_5443.crt
