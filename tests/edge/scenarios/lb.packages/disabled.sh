# red: persistent
# says: keepalived.service
systemctl disable -q keepalived
