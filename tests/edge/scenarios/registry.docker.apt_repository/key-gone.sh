# at: reg1
# red: declared
# says: apt trusts no index without its key
rm /etc/apt/keyrings/lab-docker.asc
