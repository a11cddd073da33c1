# at: reg1
# red: declared
# says: found     expired on
# advice
# refuses: trueup never replaces an authority
# after: mv /root/ca.crt /apps/harbor/certs/
cd /apps/harbor/certs
cp -p ca.crt /root/
openssl x509 -in /root/ca.crt -sha512 -signkey ca.key -days 0 -out ca.crt
sleep 1
