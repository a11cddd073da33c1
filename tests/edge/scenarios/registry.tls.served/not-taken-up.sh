# at: reg1
# red: effective
# says: it was issued, and not taken up since
certificate
