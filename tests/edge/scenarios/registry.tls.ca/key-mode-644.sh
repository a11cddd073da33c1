# at: reg1
# red: declared
chmod 644 /apps/harbor/certs/ca.key
