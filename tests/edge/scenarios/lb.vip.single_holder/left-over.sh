# The address was added to the backup by hand.
# at: lb2
# red: effective
# says: lb1 on eth0, lb2 on eth0
ip addr add 10.77.0.100/32 dev eth0
