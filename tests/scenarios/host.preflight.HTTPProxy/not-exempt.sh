# red: effective
# says: through http://proxy.example:3128
# advice
# after: sed -i /_proxy=/d /etc/environment
printf '%s\n' https_proxy=http://proxy.example:3128 no_proxy=localhost,10.96.0.0/12,.example >>/etc/environment
