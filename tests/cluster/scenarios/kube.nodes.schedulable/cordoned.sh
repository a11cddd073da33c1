# red: effective
# at: cp1
# says: kubectl uncordon cp1
# advice
# after: kubectl uncordon cp1
kubectl cordon cp1
