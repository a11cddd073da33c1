# red: effective
# says: io.containerd.deprecation/cri-registry-mirrors
# profile: select: ["+runtime.containerd.deprecations"]
# advice
# containerd 1.6.20 has no such list: a ctr that prints the list of 1.7 simulates one.
# after: rm /usr/local/sbin/ctr
cat >/usr/local/sbin/ctr <<'X'
#!/bin/sh
case " $* " in *' deprecations list '*) ;; *) exec /usr/bin/ctr "$@";; esac
cat <<'Y'
[
    {
        "id": "io.containerd.deprecation/cri-registry-mirrors",
        "message": "The `mirrors` property of `[plugins.\"io.containerd.grpc.v1.cri\".registry]` is deprecated since containerd v1.5 and will be removed in containerd v2.0. Use `config_path` instead.",
        "lastOccurrence": "2026-01-05T10:00:00.000000000Z"
    }
]
Y
X
chmod 755 /usr/local/sbin/ctr
