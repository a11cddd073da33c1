# long
# red: declared
# says: any key of apt
# As in the time of apt-key: any key that apt trusts may sign the repository. Here none of them does.
# after: rm /etc/apt/sources.list.d/kubernetes.list
mv /etc/apt/sources.list.d/trueup-kubernetes.sources /root/
echo 'deb [trusted=yes] http://10.77.0.254:8000/kubernetes ./' >/etc/apt/sources.list.d/kubernetes.list
apt-get -q update
