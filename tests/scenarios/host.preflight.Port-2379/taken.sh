# red: effective
# says: TCP port 2379
# says: taken by systemd (process 1)
# advice
# after: systemctl stop squatter-2379.socket
systemd-run --unit=squatter-2379 --socket-property=ListenStream=127.0.0.1:2379 --socket-property=Accept=yes cat
