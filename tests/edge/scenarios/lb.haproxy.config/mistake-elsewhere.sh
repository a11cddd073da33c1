# The fault is in a line that the profile does not set, so the remedy refuses.
# red: declared
# says: nonsense
# advice
# refuses: the profile sets no such line; nothing was changed
# after: mv /etc/haproxy/haproxy.cfg.kept /etc/haproxy/haproxy.cfg
cp -p /etc/haproxy/haproxy.cfg /etc/haproxy/haproxy.cfg.kept
printf 'backend other\n    nonsense\n' >>/etc/haproxy/haproxy.cfg
