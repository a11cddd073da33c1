# at: reg1
# red: declared
# says: found     the key of another certificate
openssl genpkey -algorithm RSA -out /apps/harbor/certs/harbor.lab.key 2>/dev/null
