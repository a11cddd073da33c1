# red: effective
# says: TCP port 2380
# says: taken by systemd (process 1)
# advice
# after: systemctl stop squatter-2380.socket
systemd-run --unit=squatter-2380 --socket-property=ListenStream=127.0.0.1:2380 --socket-property=Accept=yes cat
