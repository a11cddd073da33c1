# red: effective
# says: firewalld.service
# advice
# Simulated by a unit with that name: the lab's repository has no firewalld.
# after: systemctl stop firewalld
systemd-run --unit=firewalld sleep 600
