# long
# red: declared
# advice
# after: mv /etc/haproxy/haproxy.cfg.kept /etc/haproxy/haproxy.cfg
cp -p /etc/haproxy/haproxy.cfg /etc/haproxy/haproxy.cfg.kept
printf 'backend other\n    http-request deny if "{\n' >>/etc/haproxy/haproxy.cfg
