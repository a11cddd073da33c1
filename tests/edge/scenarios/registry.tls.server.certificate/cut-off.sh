# long
# at: reg1
# red: declared
# says: found     no certificate in it
truncate -s 700 /apps/harbor/certs/harbor.lab.crt
