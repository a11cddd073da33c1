# at: reg1
# red: declared
# says: mode of /apps/harbor/certs/harbor.lab.key
chmod 644 /apps/harbor/certs/harbor.lab.key
