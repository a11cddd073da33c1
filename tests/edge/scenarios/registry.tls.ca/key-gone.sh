# long
# at: reg1
# red: declared
# says: found     no such file
# advice
# refuses: trueup never replaces an authority
# after: mv /root/ca.key /apps/harbor/certs/
mv /apps/harbor/certs/ca.key /root/
