# long
# at: reg1
# red: declared
# says: found     no such file
mkdir -p /root/old && mv /apps/harbor/certs/ca.* /root/old
