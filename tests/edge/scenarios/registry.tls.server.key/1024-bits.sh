# long
# at: reg1
# red: declared
# also: registry.tls.served
# says: found     RSA of 1024 bits
bits=1024 certificate
