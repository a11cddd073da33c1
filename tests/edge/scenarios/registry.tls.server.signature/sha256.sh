# long
# at: reg1
# red: declared
# also: registry.tls.served
# says: expected  sha512 or better
hash=sha256 certificate
