# long
# red: persistent
# says: zramswap.service
# says: made by zram-tools
# after: rm /etc/systemd/system/zramswap.service; systemctl daemon-reload
# A unit with the name of zram-tools' unit; it is enabled and does nothing.
printf '[Service]\nExecStart=true\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/zramswap.service
systemctl enable zramswap.service
