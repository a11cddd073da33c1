# long
# red: declared
# says: /etc/containerd/certs.d/registry.lab_5000_/hosts.toml
# after: rm -r /etc/containerd/certs.d/registry.lab_5000_
# containerd reads this directory first, and then ignores the file of the registry's own name.
mkdir /etc/containerd/certs.d/registry.lab_5000_
printf '[host."http://elsewhere.example:5000"]\n' >/etc/containerd/certs.d/registry.lab_5000_/hosts.toml
