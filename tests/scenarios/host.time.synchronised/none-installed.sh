# red: effective persistent
# says: none installed
# says: not synchronised
# profile: select: ["+host.time.synchronised"]
# profile: host: {time: {service: chrony}}
# after: apt-get -qq remove chrony
:
