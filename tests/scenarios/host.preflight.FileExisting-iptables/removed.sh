# red: effective
# says: iptables on PATH
# also: host.preflight.FileExisting-ebtables
# The lab's repository has no iptables, so the host gets one of its own, with the package made again from its files.
# after: rm -r /root/repository /etc/apt/sources.list.d/local.list
tree=/root/repository/iptables
mkdir -p $tree/DEBIAN
dpkg -L iptables | xargs tar --no-recursion --ignore-failed-read -cP | tar -x -C $tree
dpkg-query -s iptables | sed /^Status:/d >$tree/DEBIAN/control
for script in postinst prerm; do cp /var/lib/dpkg/info/iptables.$script $tree/DEBIAN/$script; done
cd /root/repository
dpkg-deb -b iptables iptables.deb
{
  dpkg-deb -f iptables.deb
  echo 'Filename: ./iptables.deb'
  echo "Size: $(stat -c %s iptables.deb)"
  echo "SHA256: $(sha256sum iptables.deb | cut -d' ' -f1)"
} >Packages
echo 'deb [trusted=yes] file:/root/repository ./' >/etc/apt/sources.list.d/local.list
apt-get -q update
dpkg --remove --force-depends iptables
