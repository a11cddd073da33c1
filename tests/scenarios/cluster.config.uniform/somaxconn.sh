# red: effective
# says: net.core.somaxconn
# says: 1024 on
# peers
# advice
# after: sysctl -qw net.core.somaxconn=4096
# Set by hand on one of two hosts, and in no file: nothing that the profile asks for.
sysctl -qw net.core.somaxconn=1024
