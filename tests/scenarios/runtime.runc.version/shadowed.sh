# long
# red: effective
# says: owner of /usr/local/sbin/runc
# advice
# after: rm /usr/local/sbin/runc
ln -s /usr/sbin/runc /usr/local/sbin/runc.real
cp /usr/sbin/runc /usr/local/sbin/runc
# after: rm /usr/local/sbin/runc.real
