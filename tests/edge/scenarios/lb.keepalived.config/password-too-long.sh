# keepalived cuts it to what the other host has: nothing breaks before somebody else reads all of it.
# at: lb2
# red: declared
# says: more than 8 characters
sed -i 's/auth_pass .*/&99/' /etc/keepalived/keepalived.conf
systemctl reload keepalived
