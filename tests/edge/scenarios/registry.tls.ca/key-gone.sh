# at: reg1
# red: declared
# says: found     no such file
# advice
# refuses: an authority is never replaced
# after: mv /root/ca.key /apps/harbor/certs/
mv /apps/harbor/certs/ca.key /root/
