# red: effective
# says: user id
# advice
# Simulated by an `id` that comes first on PATH: the lab logs in as root.
# after: rm /usr/local/bin/id
printf '#!/bin/sh\necho 1000\n' >/usr/local/bin/id
chmod 755 /usr/local/bin/id
