# alone
# red: effective
# says: found     replaced
cp -p /usr/bin/containerd /usr/bin/containerd.new
mv /usr/bin/containerd.new /usr/bin/containerd
