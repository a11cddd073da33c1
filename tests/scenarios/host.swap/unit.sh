# long
# red: persistent
# says: var-swapfile.swap
# says: found     enabled
# after: rm /etc/systemd/system/var-swapfile.swap; systemctl daemon-reload
# Enabled but never started: the file does not exist, and systemd starts no swap in a container.
printf '[Swap]\nWhat=/var/swapfile\n[Install]\nWantedBy=swap.target\n' >/etc/systemd/system/var-swapfile.swap
systemctl enable var-swapfile.swap
