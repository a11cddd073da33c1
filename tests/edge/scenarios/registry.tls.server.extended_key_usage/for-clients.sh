# long
# at: reg1
# red: declared
# also: registry.tls.chain
# also: registry.tls.served
# says: it is for clientAuth, not for servers
purpose=clientAuth certificate
