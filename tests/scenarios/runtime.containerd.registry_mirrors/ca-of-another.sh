# long
# red: declared
# says: another certificate
file=/etc/containerd/certs.d/docker.io/mirror.lab_5443.crt
printf -- '-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ2x\n-----END CERTIFICATE-----\n' >$file
