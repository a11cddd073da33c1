# red: effective
# says: have w2
# peers
# advice
# after: hostname w1
hostname w2
