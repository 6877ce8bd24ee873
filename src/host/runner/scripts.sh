# What every script finds defined. It runs in the phase's own bash, before the script.
__fleet_script=$1 __fleet_events=$2
set --

# A record that cannot be written is lost; the script goes on.
__fleet_event() { printf '%s\0%s\0%s\0' "$1" "${2:0:1000}" "${3:0:1000}" >>"$__fleet_events" || :; } 2>/dev/null

# fleet_stage NAME: starts a timed stage; it ends with the next one or with the phase.
fleet_stage() {
    local now
    read -r now _ </proc/uptime
    echo "stage $1" || :
    __fleet_event stage "$1" "$((10#${now/./}))"
}

# fleet_fact KEY VALUE: goes into the report.
fleet_fact() {
    echo "fact $1=$2" || :
    __fleet_event fact "$1" "$2"
}

# fleet_fail MESSAGE: ends the phase; the report gives the message.
fleet_fail() {
    echo "failed: $1" >&2 || :
    __fleet_event fail '' "failed: $1"
    exit 1
}

# fleet_wait_http URL SECONDS [--insecure]: true as soon as it answers with a success.
fleet_wait_http() {
    local url=$1 deadline=$((SECONDS + $2)) insecure=
    [[ ${3-} != --insecure ]] || insecure=-k
    until curl -fsS -o /dev/null --max-time 5 $insecure "$url"; do
        if ((SECONDS >= deadline)); then
            echo "$url did not answer within $2 s" >&2
            __fleet_event fail '' "failed: $url did not answer within $2 s"
            return 1
        fi
        sleep 0.5
    done
}

set -euo pipefail
source "$__fleet_script"
