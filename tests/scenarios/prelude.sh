# Functions for the scripts of scenarios.
# offer PACKAGE: build a package from its installed files and serve it; the lab's repository lacks some packages.
offer() {
  tree=/root/repository/$1
  mkdir -p "$tree/DEBIAN"
  dpkg -L "$1" | while read -r file; do [ ! -e "$file" ] || [ -d "$file" ] || echo "$file"; done | tar -cP -T - | tar -x -C "$tree"
  dpkg-query -s "$1" | sed '/^Status:/d; /^Conffiles:/,/^[^ ]/{/^Conffiles:/d; /^ /d}' >"$tree/DEBIAN/control"
  for script in postinst prerm; do
    [ ! -e "/var/lib/dpkg/info/$1.$script" ] || cp "/var/lib/dpkg/info/$1.$script" "$tree/DEBIAN/$script"
  done
  cd /root/repository
  dpkg-deb -b "$1" "$1.deb"
  {
    dpkg-deb -f "$1.deb"
    echo "Filename: ./$1.deb"
    echo "Size: $(stat -c %s "$1.deb")"
    echo "SHA256: $(sha256sum "$1.deb" | cut -d' ' -f1)"
  } >Packages
  echo 'deb [trusted=yes] file:/root/repository ./' >/etc/apt/sources.list.d/local.list
  apt-get -q update
}
# lack PACKAGE FILE: remove a package but restore all its files except one, as on a host with programs copied by hand.
lack() {
  offer "$1"
  tar -cf /root/rest.tar -C "/root/repository/$1" --exclude=./DEBIAN .
  dpkg --remove --force-depends --force-remove-essential "$1"
  tar -xf /root/rest.tar -C / --keep-directory-symlink
  rm "$2" /root/rest.tar
}
