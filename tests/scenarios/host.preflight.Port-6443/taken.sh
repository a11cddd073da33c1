# red: effective
# says: TCP port 6443
# says: taken by systemd (process 1)
# advice
# after: systemctl stop squatter-6443.socket
systemd-run --unit=squatter-6443 --socket-property=ListenStream=127.0.0.1:6443 --socket-property=Accept=yes cat
