# long
# red: effective
# says: net.core.somaxconn
# says: 1024 on
# peers
# advice
# after: sysctl -qw net.core.somaxconn=4096
# Set by hand on one of two hosts, in no file; no other requirement judges this parameter.
sysctl -qw net.core.somaxconn=1024
