# red: effective
# says: free for kubelet
# says: taken by systemd (process 1)
# advice
# after: systemctl stop squatter.socket
systemd-run --unit=squatter --socket-property=ListenStream=10250 --socket-property=Accept=yes cat
