# at: reg1
# red: declared
# says: https.certificate in /apps/harbor/harbor.yml
sed -i 's|certificate: .*|certificate: /etc/ssl/old.crt|' /apps/harbor/harbor.yml
