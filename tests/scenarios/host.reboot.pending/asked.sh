# red: effective
# says: linux-image-amd64
# options: --max-disruption=reboot
# As Debian's packages request a reboot. The file is in memory: only a reboot removes it.
echo '*** System restart required ***' >/run/reboot-required
echo linux-image-amd64 >/run/reboot-required.pkgs
