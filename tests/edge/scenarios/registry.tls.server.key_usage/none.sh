# long
# at: reg1
# red: declared
# also: registry.tls.served
# says: found     not set
usage='' certificate
