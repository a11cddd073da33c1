# long
# red: persistent
# says: overlay in modules-load.d
echo '# overlay' >/etc/modules-load.d/trueup-overlay.conf
