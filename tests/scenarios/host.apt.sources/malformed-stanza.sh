# long
# red: declared
# says: /etc/apt/sources.list.d/broken.sources:1
# says: no uris
printf 'Types: deb\n# of which mirror?\nSuites: bookworm\nComponents: main\n' >/etc/apt/sources.list.d/broken.sources
! apt-get update
