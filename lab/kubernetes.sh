#!/bin/sh -eu
# Builds Kubernetes from Debian's source package. Runs in a root of its own that has Go and is removed afterwards.
# $PROGRAMS what to build; $VERSIONS what it shall call itself: the first is true, the others are the same code, linked again;
# $CONTROL_PLANE what is built in the true version alone
export GOPATH=/go GOCACHE=/gocache GOFLAGS="" GO111MODULE=off GOPROXY=off CGO_ENABLED=0 PATH="/usr/lib/go-1.19/bin:$PATH"
source=$GOPATH/src/k8s.io/kubernetes
mkdir -p /out "${source%/*}"
dpkg-source --no-check -x /kubernetes_*.dsc "$source"
cd "$source"
grep -q 'really1\.20\.2' debian/changelog || { echo "Debian's kubernetes is another version here: only bookworm's is whole" >&2; exit 1; }

# With Go 1.18 or newer, the reflect2 1.0.1 in the tarball declares a function of the runtime without its third argument:
# all compiles, but encoding a map as JSON corrupts memory. Debian's own reflect2 is new enough; prove it before the long build.
reflect2=modern-go/reflect2
rm vendor/github.com/$reflect2/*.go
cp /usr/share/gocode/src/github.com/$reflect2/*.go vendor/github.com/$reflect2/
rm -f vendor/github.com/$reflect2/*_test.go
for file in /golang/*.go; do
  name=$(basename "$file" .go)
  mkdir "cmd/lab-$name"
  cp "$file" "cmd/lab-$name/"
done
go run k8s.io/kubernetes/cmd/lab-mapcheck

# the one generated file that the tarball lacks
go build -o /openapi-gen ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
inputs=$(find -L cmd pkg plugin vendor/k8s.io -name '*.go' -not -path '*/code-generator/*' -not -path '*/sample-apiserver/*' \
  -not -path '*/testdata/*' -exec grep -l '^// *+k8s:openapi-gen=' {} + | xargs -n1 dirname | sort -u | sed 's,^,k8s.io/kubernetes/,')
/openapi-gen --logtostderr -i "$(echo "$inputs" | paste -sd,)" -p k8s.io/kubernetes/pkg/generated/openapi \
  -O zz_generated.openapi -h hack/boilerplate/boilerplate.generatego.txt -r /violations

for version in $VERSIONS; do
  flags="-s -w" minor=${version#v1.}
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    package=k8s.io/kubernetes/vendor/$package
    flags="$flags -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*}"
    flags="$flags -X $package.gitTreeState=archive -X $package.gitCommit=debian-$(dpkg-parsechangelog -S Version)"
  done
  for program in $PROGRAMS $CONTROL_PLANE; do
    go build -trimpath -ldflags "$flags" -o "/out/$version/$program" "k8s.io/kubernetes/cmd/$program"
  done
  CONTROL_PLANE=''
done
for standin in coredns calico; do
  go build -trimpath -ldflags "-s -w" -o "/out/standins/$standin" "k8s.io/kubernetes/cmd/lab-$standin"
done
gcc -Os -Wall -static -s -DVERSION=v3.2 -o /out/pause build/pause/linux/pause.c
test "$(/out/"$version"/kubeadm version -o short)" = "$version"
