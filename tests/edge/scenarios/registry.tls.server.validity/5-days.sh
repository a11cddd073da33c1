# long
# at: reg1
# red: declared
# also: registry.tls.served
# says: expected  valid for 30 days more
days=5 certificate
