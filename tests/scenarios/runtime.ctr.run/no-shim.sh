# red: effective
# says: ctr run --net-host docker.io/library/alpine:latest
# profile: select: ["+runtime.ctr.*"]
# advice
# after: mv /usr/bin/containerd-shim-runc-v2.away /usr/bin/containerd-shim-runc-v2
mv /usr/bin/containerd-shim-runc-v2 /usr/bin/containerd-shim-runc-v2.away
