# certificate: issue the registry's certificate again; variables set what differs from a good one.
certificate() {
  cd /apps/harbor/certs
  openssl req -newkey "rsa:${bits:-2048}" -nodes -keyout harbor.lab.key -out /tmp/request 2>/dev/null \
    -subj "${subject:-/C=CN/ST=Beijing/L=Beijing/O=example/OU=Personal/CN=harbor.lab}"
  printf '%s\n' "basicConstraints=${basic:-CA:FALSE}" "extendedKeyUsage=${purpose:-serverAuth}" \
    "${usage-keyUsage=digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment}" \
    "${san-subjectAltName=DNS:harbor.lab,DNS:reg1}" 'authorityKeyIdentifier=keyid' >/tmp/extensions
  openssl x509 -req "-${hash:-sha512}" -days "${days:-3650}" -CA "${ca:-ca.crt}" -CAkey "${ca_key:-ca.key}" \
    -set_serial "0x$(openssl rand -hex 15)" -extfile /tmp/extensions -in /tmp/request -out harbor.lab.crt 2>/dev/null
}
# other_authority PATH OPTION…: create an authority with the same name at PATH.crt and PATH.key; options are openssl's.
other_authority() {
  to=$1; shift
  openssl req -x509 -newkey rsa:2048 -nodes -sha512 -days 3650 -keyout "$to.key" -out "$to.crt" 2>/dev/null \
    -subj '/C=CN/ST=Beijing/L=Beijing/O=example/OU=Personal/CN=lab registry CA' "$@"
}
