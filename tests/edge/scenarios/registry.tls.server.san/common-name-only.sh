# long
# at: reg1
# red: declared
# also: registry.tls.chain
# also: registry.tls.served
# says: containerd refuses a certificate that has only a common name
san='' certificate
