# long
# red: effective
# says: an index with kubeadm
rm /var/lib/apt/lists/*kubernetes*
