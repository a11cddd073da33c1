# long
# red: effective
# says: 0.23.0
sed -i 's/1\.0\.0/0.23.0/' /usr/local/bin/nerdctl
