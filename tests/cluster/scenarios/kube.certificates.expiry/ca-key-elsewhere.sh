# long
# red: declared
# says: /etc/kubernetes/pki/front-proxy-client.crt (front-proxy-client)
# refuses: front-proxy-ca.key is not on this host: the external authority must sign a new one
# advice
# after: mv /root/front-proxy-ca.key /etc/kubernetes/pki/; cp -p /root/front-proxy-client.crt /etc/kubernetes/pki/
# after: rm /root/front-proxy-client.crt
pki=/etc/kubernetes/pki
cp -p $pki/front-proxy-client.crt /root/
openssl req -new -key $pki/front-proxy-client.key -subj /CN=front-proxy-client -out /root/request
openssl x509 -req -in /root/request -CA $pki/front-proxy-ca.crt -CAkey $pki/front-proxy-ca.key -set_serial 77 -days 5 -out /root/new
cat /root/new >$pki/front-proxy-client.crt
mv $pki/front-proxy-ca.key /root/
rm /root/request /root/new
