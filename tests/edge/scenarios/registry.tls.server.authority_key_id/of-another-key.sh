# at: reg1
# red: declared
# also: registry.tls.served
# says: found     00112233
# the same name and key with another identifier
cd /tmp
openssl req -x509 -key /apps/harbor/certs/ca.key -days 3650 -out other.crt -addext subjectKeyIdentifier=00:11:22:33 \
  -subj '/C=CN/ST=Beijing/L=Beijing/O=example/OU=Personal/CN=lab registry CA'
ca=/tmp/other.crt certificate
