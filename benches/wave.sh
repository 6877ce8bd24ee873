#!/usr/bin/env bash
# One wave of a hundred sandbox hosts: what the controller costs, and what the same command texts
# take under `xargs -P50 bash`. Usage: benches/wave.sh target/release/fleet
set -euo pipefail
fleet=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

export GIT_AUTHOR_NAME=bench GIT_AUTHOR_EMAIL=bench@acme.example
export GIT_COMMITTER_NAME=bench GIT_COMMITTER_EMAIL=bench@acme.example
git init -q -b main .
mkdir -p environments templates/app
cat >fleet.yaml <<'YAML'
api_version: fleet/v1
name: bench
git: { remote: none }
transports: { lab: { kind: sandbox } }
services: { app: { timeout: 60s } }
YAML
{
    printf 'services: { app: 1.0.0 }\nhosts:\n'
    printf '  h%d: {}\n' $(seq 100)
} >environments/production.yaml
cat >templates/app/observe.sh.hbs <<'SH'
echo "version=$(cat "$FLEET_ROOT/version" 2>/dev/null || echo none)"
SH
cat >templates/app/deploy.sh.hbs <<'SH'
host={{host.name}}
echo "$FLEET_VERSION" >"$FLEET_ROOT/version"
echo "on $host"
SH
cp templates/app/observe.sh.hbs templates/app/verify.sh.hbs
git add -A
git commit -qm 'A hundred hosts'

# The hosts run in a process of their own, so that the controller's time is its own.
"$fleet" sandbox >sandbox.json 2>sandbox.log &
sandbox=$!
until [ -s sandbox.json ]; do sleep 0.1; done
python3 - "$fleet" <<'PY'
import resource, subprocess, sys, time
began = time.monotonic()
done = subprocess.run([sys.argv[1], "apply", "--yes"], capture_output=True, text=True)
wall = time.monotonic() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
assert done.returncode == 0, done.stderr
print(done.stdout.splitlines()[-1])
print(f"apply: {wall:.2f} s, of them CPU {used.ru_utime + used.ru_stime:.2f} s, peak {used.ru_maxrss // 1024} MiB")
PY
kill "$sandbox"
wait "$sandbox" 2>/dev/null || true

mkdir again
find .fleet/sandbox/hosts -name _script.sh | sort | while read -r script; do
    host=${script#*hosts/production/} instance=${script#*/ssm/}
    host=${host%%/*} instance=${instance%%/*}
    mkdir "again/$host"
    printf 'exec env -i PATH="$PATH" HOME=%s FLEET_ROOT=%s AWS_SSM_INSTANCE_ID=%s bash %s >/dev/null 2>&1\n' \
        "$folder/again/$host" "$folder/again/$host" "$instance" "$folder/$script" >"again/$host.sh"
done
began=$(date +%s%N)
printf '%s\n' again/*.sh | xargs -P50 -n1 bash
ended=$(date +%s%N)
printf 'xargs -P50 bash: %d.%02d s, %d hosts deployed\n' \
    $(((ended - began) / 1000000000)) $(((ended - began) / 10000000 % 100)) \
    "$(cat again/*/version | wc -l)"
