# at: reg1
# red: declared
# says: a certificate in it is cut off
truncate -s 700 /apps/harbor/certs/harbor.lab.crt
