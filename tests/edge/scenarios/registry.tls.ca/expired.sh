# at: reg1
# red: declared
# says: found     expired on
# advice
# refuses: an authority is never replaced
# after: mv /root/ca.crt /apps/harbor/certs/
cd /apps/harbor/certs
cp -p ca.crt /root/
openssl req -x509 -sha512 -key ca.key -days 0 -out ca.crt \
  -subj '/C=CN/ST=Beijing/L=Beijing/O=example/OU=Personal/CN=lab registry CA'
sleep 1
