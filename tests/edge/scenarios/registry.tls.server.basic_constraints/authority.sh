# long
# at: reg1
# red: declared
# also: registry.tls.served
# says: found     CA:TRUE
basic=CA:TRUE certificate
