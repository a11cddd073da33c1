# red: effective
# says: firewalld.service
# advice
# Played: a unit of that name, for the lab's repository has no firewalld.
# after: systemctl stop firewalld
systemd-run --unit=firewalld sleep 600
