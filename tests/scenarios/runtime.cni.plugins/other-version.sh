# red: effective
# says: 0.9.1
printf '#!/bin/sh\necho CNI bridge plugin v0.9.1 >&2\n' >/opt/cni/bin/bridge
