# at: reg1
# red: declared
# also: registry.tls.server.signature
# also: registry.tls.server.san
# also: registry.tls.server.basic_constraints
# also: registry.tls.server.key_usage
# also: registry.tls.server.extended_key_usage
# also: registry.tls.chain
# also: registry.tls.served
# says: found     C=CN, O=example, CN=harbor.lab
# says: found     sha1
# says: found     without DNS:harbor.lab
# says: it is for DNS:reg1, not for harbor.lab
# says: found     CA:TRUE
# says: found     not set
# says: it is for clientAuth, not for servers
export subject=/C=CN/O=example/CN=harbor.lab hash=sha1 san=subjectAltName=DNS:reg1 basic=CA:TRUE usage='' purpose=clientAuth
certificate
