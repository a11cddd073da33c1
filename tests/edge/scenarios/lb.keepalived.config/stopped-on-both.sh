# No host holds the address.
# at: lb1 lb2
# red: effective
# says: lb1: keepalived is inactive; lb2: keepalived is inactive
# also: lb.vip.single_holder
systemctl stop keepalived
