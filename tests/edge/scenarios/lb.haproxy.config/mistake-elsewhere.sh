# What is wrong in no line of the profile's is not for a guess.
# red: declared
# says: nonsense
# advice
# refuses: the profile sets no such line; nothing was changed
# after: mv /etc/haproxy/haproxy.cfg.kept /etc/haproxy/haproxy.cfg
cp -p /etc/haproxy/haproxy.cfg /etc/haproxy/haproxy.cfg.kept
printf 'backend other\n    nonsense\n' >>/etc/haproxy/haproxy.cfg
