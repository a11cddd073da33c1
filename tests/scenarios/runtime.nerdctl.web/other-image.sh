# long
# red: effective
# says: image of container nginx-web
# advice
# profile: select: ["+runtime.nerdctl.web"]
# after: nerdctl rm -f nginx-web
nerdctl run -d -p 80:80 --name=nginx-web --restart=always docker.io/library/alpine:latest
