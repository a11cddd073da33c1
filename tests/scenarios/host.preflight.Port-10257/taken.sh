# red: effective
# says: TCP port 10257
# says: taken by systemd (process 1)
# advice
# after: systemctl stop squatter-10257.socket
systemd-run --unit=squatter-10257 --socket-property=ListenStream=127.0.0.1:10257 --socket-property=Accept=yes cat
