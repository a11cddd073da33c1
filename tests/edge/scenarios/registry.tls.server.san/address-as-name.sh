# long
# at: reg1
# red: declared
# also: registry.tls.served
# says: 10.77.0.81 is an IP address in a DNS name: clients do not look for it there
san=subjectAltName=DNS:harbor.lab,DNS:reg1,DNS:10.77.0.81 certificate
