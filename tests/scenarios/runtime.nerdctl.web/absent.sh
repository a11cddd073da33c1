# red: effective
# says: no such container
# profile: select: ["+runtime.nerdctl.web"]
# after: nerdctl rm -f nginx-web
:
