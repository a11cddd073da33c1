# red: effective
# says: linux-image-amd64
# options: --max-disruption=reboot
# As Debian's packages ask for it. The file is in memory: a reboot alone takes it away.
echo '*** System restart required ***' >/run/reboot-required
echo linux-image-amd64 >/run/reboot-required.pkgs
