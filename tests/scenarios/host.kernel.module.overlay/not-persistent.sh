# red: persistent
# says: overlay in modules-load.d
rm /etc/modules-load.d/trueup-overlay.conf
