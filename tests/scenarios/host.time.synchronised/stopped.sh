# long
# red: effective persistent
# says: chrony.service inactive and disabled
# says: not synchronised
# profile: select: ["+host.time.synchronised"]
# after: apt-get -qq remove chrony
apt-get -q update
apt-get -qq install --no-install-recommends chrony
systemctl disable --now chrony
