# long
# red: declared
# says: /etc/apt/sources.list:2
# says: expected  suites of bookworm, which this host runs
# says: found     focal
# says: found     focal-security
cat >/etc/apt/sources.list <<'X'
# mirror
deb http://mirrors.tuna.tsinghua.edu.cn/ubuntu/ focal main restricted universe multiverse
# deb-src http://mirrors.tuna.tsinghua.edu.cn/ubuntu/ focal main restricted universe multiverse
deb http://mirrors.tuna.tsinghua.edu.cn/ubuntu/ focal-security main restricted universe multiverse
X
