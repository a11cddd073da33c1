# long
# at: lb2
# red: declared
# says: chekc
sed -i 's/ check inter/ chekc inter/' /etc/haproxy/haproxy.cfg
