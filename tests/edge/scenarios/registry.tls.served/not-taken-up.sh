# at: reg1
# red: effective
# says: the server still uses the certificate from before
certificate
