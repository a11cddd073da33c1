# red: declared
# says: http://10.77.0.254:8000
# says: not listed
# after: mv /root/lab.sources /etc/apt/sources.list.d/; rm /etc/apt/sources.list.d/trueup.sources
mv /etc/apt/sources.list.d/lab.sources /root/
