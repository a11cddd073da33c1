# long
# at: reg1
# red: declared
# also: registry.tls.served
# says: found     C=CN, O=example, CN=harbor.lab
subject=/C=CN/O=example/CN=harbor.lab certificate
