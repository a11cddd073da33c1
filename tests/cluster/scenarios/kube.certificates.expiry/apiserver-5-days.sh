# red: declared
# says: /etc/kubernetes/pki/apiserver.crt (kube-apiserver)
# says: 4 days, until
# says: kubeadm certs renew apiserver
# after: rm -rf /root/short
# The same key and names, signed by the cluster's authority for 5 days.
mkdir -p /root/short
cd /root/short
pki=/etc/kubernetes/pki
names=$(openssl x509 -in $pki/apiserver.crt -noout -ext subjectAltName | sed -n '2s/IP Address/IP/gp')
printf 'keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth\nsubjectAltName=%s\n' "$names" >ext
openssl req -new -key $pki/apiserver.key -subj /CN=kube-apiserver -out request
openssl x509 -req -in request -CA $pki/ca.crt -CAkey $pki/ca.key -set_serial 0x$(openssl rand -hex 8) -days 5 -extfile ext -out new
cat new >$pki/apiserver.crt
