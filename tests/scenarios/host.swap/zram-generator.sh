# long
# red: persistent
# says: dev-zram0.swap
# says: found     generated
# says: swap in compressed memory
# after: rm /etc/systemd/system-generators/zram; systemctl unmask dev-zram0.swap
# A generator that creates the same unit as zram-generator; systemd runs it, but starts no swap in a container.
mkdir -p /etc/systemd/system-generators
cat >/etc/systemd/system-generators/zram <<'X'
#!/bin/sh
mkdir -p "$1/swap.target.wants"
printf '[Swap]\nWhat=/dev/zram0\n' >"$1/dev-zram0.swap"
ln -s ../dev-zram0.swap "$1/swap.target.wants/"
X
chmod 755 /etc/systemd/system-generators/zram
systemctl daemon-reload
