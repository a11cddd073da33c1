# long
# red: effective
# says: owner of /usr/local/bin/kubectl
# advice
# after: rm /usr/local/bin/kubectl
cp /usr/bin/kubectl /usr/local/bin/kubectl
