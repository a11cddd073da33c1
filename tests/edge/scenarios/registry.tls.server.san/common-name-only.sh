# at: reg1
# red: declared
# also: registry.tls.chain
# also: registry.tls.served
# says: containerd refuses a certificate with nothing but a common name
san='' certificate
