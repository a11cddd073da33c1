# at: w3
# red: effective
# says: with the authorities of the system
rm -r /etc/containerd/certs.d/harbor.lab:*
