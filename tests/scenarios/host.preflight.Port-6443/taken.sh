# red: effective
# says: TCP port 6443
# says: taken by systemd (process 1)
# advice
# after: systemctl stop squatter.socket
systemd-run --unit=squatter --socket-property=ListenStream=127.0.0.1:6443 --socket-property=Accept=yes cat
