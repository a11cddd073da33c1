# red: declared
# says: found     absent
rm /etc/apt/keyrings/lab-kubernetes.asc
