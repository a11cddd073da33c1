# long
# at: reg1
# red: declared
# says: apt refuses an index without its key
rm /etc/apt/keyrings/lab-docker.asc
