# red: persistent
# says: zramswap.service
# says: made by zram-tools
# after: rm /etc/systemd/system/zramswap.service; systemctl daemon-reload
# The unit of zram-tools by its name; it is enabled, and would do nothing.
printf '[Service]\nExecStart=true\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/zramswap.service
systemctl enable zramswap.service
