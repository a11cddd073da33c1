#!/bin/sh
# The main task: from bare hosts to a compliant cluster. Every step prints its command, and its exit code is checked.
set -eu
out=.trueup
rm -rf "$out"
mkdir -p "$out"

if ! reason=$(python -m lab doctor 2>&1) && { [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; }; then
  printf '%s\nthe lab boots real test hosts and needs root on Debian; so this audits the machine you are on, changing nothing\n\n' "$reason"
  status=0
  pytest checks --hosts=local:// --report="$out/audit.md" || status=$?
  [ "$status" -le 3 ] || exit "$status"
  printf '\nthe report: %s/audit.md\n' "$out"
  exit 0
fi

step() {
  wanted=$1 title=$2
  shift 2
  printf '\n\033[1m── %s\033[0m\n$ %s\n' "$title" "$*"
  status=0
  "$@" || status=$?
  [ "$status" = "$wanted" ] || { echo "demo: exit code $status, expected $wanted" >&2; exit 1; }
}

began=$(date +%s)
state=${TRUEUP_LAB:-/var/lib/trueup-lab}
hosts="--hosts=@$state/hosts --ssh-config=$state/ssh_config --profile=$state/cluster.yaml"
trap 'python -m lab down' EXIT
step 0 'tools, base system, and what hosts install from: the first time this builds Kubernetes' python -m lab setup
step 0 'three bare hosts: systemd, sshd, no container runtime' python -m lab reset cp1 w1 w2
step 1 'audit: not compliant' pytest checks $hosts
step 1 'plan: what --fix would do, and nothing done' pytest checks $hosts --fix=plan -q
step 0 'fix: each failed requirement is remedied and tested again' pytest checks $hosts --fix --report="$out/fix.md"
step 0 'what it is for: a web server answers on every node' \
  python -m lab ssh w2 'for node in cp1 w1 w2; do curl -sS -o /dev/null -w "$node:30004 %{http_code}\n" "http://$node:30004"; done'
step 0 'audit again: compliant' \
  pytest checks $hosts --alluredir="$out/allure-results" --clean-alluredir --report="$out/audit.md" --report="$out/audit.json"
step 0 'fix again: nothing left to change' pytest checks $hosts --fix -q --report="$out/again.json"
grep -q '"actions": \[\]' "$out/again.json" && ! grep -q '"verb"' "$out/again.json" ||
  { echo 'demo: the second fix changed something' >&2; exit 1; }

cat <<TEXT

done in $(($(date +%s) - began)) s
  reports          $out/fix.md, $out/audit.md, $out/audit.json
  Allure results   $out/allure-results   (make report builds the page, with npm)
  your own hosts   .venv/bin/pytest --hosts=node1,node2 --profile=base
TEXT
