# red: declared
# says: http://10.77.0.254:8000/kubernetes
rm /etc/apt/sources.list.d/trueup-kubernetes.sources
apt-get -q update
