# long
# red: declared
# says: another file
# As after a renewal of admin.conf, or from another cluster.
sed -i 's/certificate-authority-data: .*/certificate-authority-data: b3RoZXI=/' /home/op/.kube/config
