# long
# at: reg1
# red: declared
# also: registry.tls.chain
# also: registry.tls.served
# says: signed over sha1, which clients refuse
hash=sha1 certificate
