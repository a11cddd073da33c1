# red: effective
# says: 1.6.20~ds1-0lab1 of package containerd on
# says: runtime.containerd.version fixes it
# peers
# advice
# profile: runtime: {containerd: {version: ">= 1.6"}}
# after: apt-get install -y -q --allow-change-held-packages containerd && apt-mark hold containerd
# The profile allows both versions, but two hosts of one role must not differ.
apt-get install -y -q --allow-downgrades --allow-change-held-packages containerd=1.6.20~ds1-0lab1
apt-mark hold containerd
