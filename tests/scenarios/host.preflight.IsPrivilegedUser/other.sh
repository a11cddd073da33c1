# red: effective
# says: user id
# advice
# Played: the lab's scenarios arrive as root, so an `id` that comes first on PATH says otherwise.
# after: rm /usr/local/bin/id
printf '#!/bin/sh\necho 1000\n' >/usr/local/bin/id
chmod 755 /usr/local/bin/id
