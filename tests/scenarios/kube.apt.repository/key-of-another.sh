# long
# red: effective
# says: an index with kubeadm
# The key does not sign this repository, as after a change of keys: apt drops the index.
cp /etc/apt/keyrings/lab.gpg /etc/apt/keyrings/lab-kubernetes.asc
rm /var/lib/apt/lists/*kubernetes*
