# red: declared
# says: /etc/apt/sources.list.d/broken.list:2
# says: no components for suite bookworm
# after: ! grep -v '^#' /etc/apt/sources.list.d/broken.list
# apt reads no source at all while one entry is malformed, so it can install nothing.
printf '# ours\ndeb [arch=amd64] http://10.77.0.254:8000 bookworm\n' >/etc/apt/sources.list.d/broken.list
! apt-get update
