# long
# at: reg1
# red: declared
# says: expected  RSA of 4096 bits or more
# profile: registry: {tls: {ca: {key: {bits: 4096}}}}
# advice
# refuses: trueup never replaces an authority
:
