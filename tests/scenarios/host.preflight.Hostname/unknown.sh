# red: effective
# says: does not resolve
# advice
# after: hostname "$(cat /etc/hostname)"
hostname nobody-knows-me
