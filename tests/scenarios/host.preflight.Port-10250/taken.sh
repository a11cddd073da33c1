# red: effective
# says: free for kubelet
# says: taken by systemd (process 1)
# advice
# after: systemctl stop squatter-10250.socket
systemd-run --unit=squatter-10250 --socket-property=ListenStream=10250 --socket-property=Accept=yes cat
