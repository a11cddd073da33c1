# long
# red: effective
# says: a DNS name in lower case
# advice
# after: hostname "$(cat /etc/hostname)"
echo '127.0.1.1 Node-1' >>/etc/hosts
hostname Node-1
# after: sed -i /Node-1/d /etc/hosts
