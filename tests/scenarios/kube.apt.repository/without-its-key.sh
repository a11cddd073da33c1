# red: declared
# says: any key of apt
# As apt-key's time left it: any key that apt trusts may sign it. The lab's own key does not.
# after: rm /etc/apt/sources.list.d/kubernetes.list
mv /etc/apt/sources.list.d/trueup-kubernetes.sources /root/
echo 'deb [trusted=yes] http://10.77.0.254:8000/kubernetes ./' >/etc/apt/sources.list.d/kubernetes.list
apt-get -q update
