# at: reg1
# red: declared
# says: expected  with other.lab, its common name
# profile: registry: {tls: {server: {subject: [CN=other.lab]}}}
# advice
# after: cp -p /root/old/harbor.lab.* /apps/harbor/certs/ && /apps/harbor/install.sh
cd /apps/harbor/certs
mkdir -p /root/old
cp -p harbor.lab.* /root/old/
subject=/CN=other.lab certificate
/apps/harbor/install.sh
