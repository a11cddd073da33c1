# long
# at: reg1
# red: declared
# also: registry.tls.chain
# also: registry.tls.served
# says: found     without DNS:harbor.lab
# says: it is for DNS:reg1, not for harbor.lab
san=subjectAltName=DNS:reg1 certificate
