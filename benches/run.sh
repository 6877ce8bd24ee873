#!/bin/bash
# From a push (or a commit, without a remote) to the first line of the deploy script, through
# `fleet run` and one sandbox host; and what a look that finds nothing costs beside `git ls-remote`.
#
#   benches/run.sh target/release/fleet
set -euo pipefail
fleet=$(realpath "$1")
export HOME
HOME=$(mktemp -d)
daemon=
trap 'kill $daemon 2>/dev/null || true; rm -rf "$HOME"' EXIT
git config --global user.name Bench
git config --global user.email bench@example.org
git config --global init.defaultBranch main

make() { # REMOTE
  mkdir -p environments templates/app
  printf '%s\n' 'api_version: fleet/v1' 'name: bench' "git: { remote: $1 }" \
    'transports: { lab: { kind: sandbox } }' 'services: { app: {} }' >fleet.yaml
  bump 1.0.0
  printf '%s\n' 'date +%s.%N >"$FLEET_ROOT/begun"' 'echo "$FLEET_VERSION" >"$FLEET_ROOT/version"' \
    >templates/app/deploy.sh.hbs
  printf '%s\n' 'echo "version=$(cat "$FLEET_ROOT/version" 2>/dev/null || echo none)"' \
    >templates/app/observe.sh.hbs
}
bump() { printf 'services: { app: %s }\nhosts: { a: {} }\n' "$1" >environments/lab.yaml; }
wait_for() { until [[ $(cat .fleet/sandbox/hosts/lab/a/version 2>/dev/null) == "$1" ]]; do sleep 0.01; done; sleep 2; }
push() { git push -q origin HEAD:main; }
rounds() { # MOVE
  for n in 1 2 3 4 5; do
    bump "1.$n.0"
    git commit -qam "1.$n.0"
    "$1"
    moved=$(date +%s.%N)
    wait_for "1.$n.0"
    awk -v a="$moved" -v b="$(cat .fleet/sandbox/hosts/lab/a/begun)" 'BEGIN { printf " %.2f", b - a }'
  done
  echo ' s'
}
start() {
  "$fleet" run "$@" 2>/dev/null &
  daemon=$!
  wait_for 1.0.0
}
stop() {
  kill "$daemon"
  wait "$daemon" || true
}

mkdir "$HOME/local" && cd "$HOME/local"
git init -q && make none && git add -A && git commit -qm First
start --interval 1d
echo -n 'commit → first script, by notification:          '
rounds true
stop

git init -q --bare "$HOME/origin.git" && git clone -q "$HOME/origin.git" "$HOME/clone" 2>/dev/null && cd "$HOME/clone"
make origin && git add -A && git commit -qm First && git push -q origin HEAD:main
start --interval 1s
echo -n 'push → first script, by ls-remote every 0.5 to 1 s:'
rounds push
echo -n 'CPU of the daemon in 60 s of looks:               '
cpu() { awk '{ print $14 + $15 + $16 + $17 }' "/proc/$daemon/stat"; }
before=$(cpu) && sleep 60 && awk -v t="$(($(cpu) - before))" 'BEGIN { printf "%.2f s\n", t / 100 }'
stop
echo -n 'CPU of as many ls-remote (80):                    '
TIMEFORMAT='%U s and %S s'
time for _ in $(seq 80); do
  git ls-remote --refs origin refs/heads/main refs/heads/fleet/observed refs/heads/fleet/statements >/dev/null
done
