# long
# red: effective
# says: owner of /usr/local/bin/containerd
# advice
# after: rm /usr/local/bin/containerd
printf '#!/bin/sh\nexec /usr/bin/containerd "$@"\n' >/usr/local/bin/containerd
chmod 755 /usr/local/bin/containerd
