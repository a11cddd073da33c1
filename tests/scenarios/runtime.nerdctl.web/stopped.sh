# long
# red: effective
# says: not always
# profile: select: ["+runtime.nerdctl.web"]
# after: nerdctl rm -f nginx-web
nerdctl run -d -p 80:80 --name=nginx-web --restart=always docker.io/library/nginx:latest
nerdctl stop nginx-web
