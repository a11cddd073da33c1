# red: effective
# says: is ahead of
# peers
# advice
# The hosts share the machine's clock, which they cannot set: a `date` that is 30 s ahead simulates another one.
# after: rm /usr/local/sbin/date
cat >/usr/local/sbin/date <<'X'
#!/bin/sh
case $* in
+%s.%N) now=$(/usr/bin/date +%s.%N); echo "$((${now%.*} + 30)).${now#*.}";;
*) exec /usr/bin/date "$@";;
esac
X
chmod 755 /usr/local/sbin/date
