# at: reg1
# red: declared
# also: registry.tls.chain
# also: registry.tls.served
# says: found     expired on
days=0 certificate
sleep 1
