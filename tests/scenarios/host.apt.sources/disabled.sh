# long
# red: declared
# says: not listed
# after: sed -i '/^Enabled/d' /etc/apt/sources.list.d/lab.sources; rm /etc/apt/sources.list.d/trueup.sources
echo 'Enabled: no' >>/etc/apt/sources.list.d/lab.sources
