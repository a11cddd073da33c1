# at: reg1
# red: declared
# also: registry.tls.served
# says: its signature is not by the key of lab registry CA
# an authority with the same name and the same key identifier
cd /apps/harbor/certs
id=$(openssl x509 -in ca.crt -noout -ext subjectKeyIdentifier | sed -n 's/^ *\([0-9A-F:]*\)$/\1/p')
other_authority /tmp/other -addext "subjectKeyIdentifier=$id"
ca=/tmp/other.crt ca_key=/tmp/other.key certificate
