#!/usr/bin/env bash
# Builds fleet from the commit of this action.
#
#   build.sh key            prints the cache's folder and key, as outputs of a step
#   build.sh build FOLDER   puts the binary there, unless the cache has done so
set -euo pipefail
# cargo reads the configuration of the folder it runs in: ours, never that of the pull request.
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

case $1 in
key)
    sum=$(find . \( -name .git -o -name target \) -prune -o -type f -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)
    printf 'folder=%s\nkey=%s\n' "$RUNNER_TEMP/fleet-plan" "${sum%% *}"
    ;;
build)
    [ ! -x "$2/fleet" ] || exit 0
    export CARGO_TARGET_DIR=$RUNNER_TEMP/fleet-target
    cargo build --release --locked
    mkdir -p "$2"
    cp "$CARGO_TARGET_DIR/release/fleet" "$2/fleet"
    ;;
*)
    echo "build.sh: key or build, not $1" >&2
    exit 64
    ;;
esac
