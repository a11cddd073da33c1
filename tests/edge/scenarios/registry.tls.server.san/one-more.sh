# long
# at: reg1
# red: declared
# also: registry.tls.served
# says: found     with DNS:old.lab
san=subjectAltName=DNS:harbor.lab,DNS:reg1,DNS:old.lab certificate
