# red: effective
# says: TCP port 10259
# says: taken by systemd (process 1)
# advice
# after: systemctl stop squatter-10259.socket
systemd-run --unit=squatter-10259 --socket-property=ListenStream=127.0.0.1:10259 --socket-property=Accept=yes cat
