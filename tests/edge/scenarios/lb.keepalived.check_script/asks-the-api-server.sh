# long
# at: lb2
# red: declared
# says: chk_api asks the servers behind it
sed -i 's/^vrrp_script haproxy/vrrp_script chk_api/; s#script /etc/keepalived/check-haproxy#script "/usr/bin/curl -sfk https://127.0.0.1:6443/healthz"#
  s/^\( *\)haproxy$/\1chk_api/' /etc/keepalived/keepalived.conf
systemctl reload keepalived
