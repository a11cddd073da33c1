# red: effective
# says: /run/reboot-required
# refuses: --max-disruption=reboot would: Reboot the host
# advice
# after: rm /run/reboot-required
touch /run/reboot-required
