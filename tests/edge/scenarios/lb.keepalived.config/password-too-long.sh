# long
# keepalived uses 8 characters, which are the other host's password: nothing fails until a program reads all of it.
# at: lb2
# red: declared
# says: more than 8 characters
sed -i 's/auth_pass .*/&99/' /etc/keepalived/keepalived.conf
systemctl reload keepalived
