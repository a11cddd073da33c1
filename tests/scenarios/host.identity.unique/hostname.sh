# red: effective
# says: hostname
# peers
# advice
# after: hostname "$(cat /etc/hostname)"
hostname "$peer"
