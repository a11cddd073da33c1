# long
# red: declared
# says: found     empty
: >/etc/apt/keyrings/lab-kubernetes.asc
