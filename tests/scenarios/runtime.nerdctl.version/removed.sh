# red: effective
# says: /usr/local/bin/nerdctl
rm /usr/local/bin/nerdctl
