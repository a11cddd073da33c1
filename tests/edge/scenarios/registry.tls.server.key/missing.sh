# long
# at: reg1
# red: declared
# says: found     no such file
rm /apps/harbor/certs/harbor.lab.key
