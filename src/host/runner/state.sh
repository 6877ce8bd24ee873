# The state folder of a service, the host's lock, and `current`, the receipt.

declare -A current=() task=()
root=${FLEET_ROOT-}
root=${root%/}

# Rule 1.
check_tools() {
    local tool missing=
    for tool in flock curl gzip base64 sha256sum setsid; do
        command -v "$tool" >/dev/null || missing+=${missing:+, }$tool
    done
    [[ ! $missing ]] || refuse "missing on this host: $missing"
}

# Makes the folders down to $1 and checks who owns each, before anything in them is believed.
open_folder() {
    local path=$root/var/lib/fleet part paths=() why kind owner mode
    for part in '' "/$fleet" "/$environment" "/$host" ${1:+"/$1"}; do
        path+=$part
        paths+=("$path")
    done
    if [[ ! -d $path ]]; then
        why=$({ (umask 022 && mkdir -p "$root/var/lib") && mkdir -p "$path" && flush "$root/var/lib" "${paths[@]}"; } 2>&1) ||
            refuse "could not make $path: ${why##*: }"
    fi
    while IFS='|' read -r kind owner mode path; do
        [[ $kind == directory && $owner == "$EUID" && $mode == 700 ]] ||
            refuse "$path is not a folder of user $EUID that is closed to others: $kind, owner $owner, mode $mode"
    done < <(stat -c '%F|%u|%a|%n' "${paths[@]}")
}

# Rule 2. Descriptor 9 is the lock; no phase inherits it, so that killing the runner frees it.
take_lock() {
    local why
    { exec 9>>"$host_folder/lock"; } 2>/dev/null || {
        why=$({ : >>"$host_folder/lock"; } 2>&1)
        refuse "could not open $host_folder/lock: ${why##*: }"
    }
    flock -w 60 9
    case $? in
        0) ;;
        1) answer_busy ;;
        *) refuse "could not lock $host_folder/lock" ;;
    esac
}

# read_pairs NAME TEXT: key=value lines into the associative array NAME. No here-document: older
# bash puts these on the disk, which may be full.
read_pairs() {
    local line rest=$2
    while [[ $rest ]]; do
        line=${rest%%$'\n'*}
        [[ $rest == *$'\n'* ]] && rest=${rest#*$'\n'} || rest=
        [[ ${line%%=*} =~ ^[A-Za-z_]+$ && $line == *=* ]] || continue
        printf -v "$1[${line%%=*}]" %s "${line#*=}"
    done
}

# read_text FILE: its text in REPLY, nothing where it cannot be read.
read_text() {
    REPLY=
    { IFS= read -r -d '' REPLY <"$1"; } 2>/dev/null
}

# is_number TEXT: such as the arithmetic of bash takes without surprises.
is_number() { [[ $1 =~ ^(0|[1-9][0-9]{0,17})$ ]]; }

# read_current: `current` of the service; where there is none, nothing is installed by fleet.
read_current() {
    current=([version]=none [sequence]=0)
    [[ -e $state/current ]] || return 0
    read_text "$state/current"
    read_pairs current "$REPLY"
    [[ ${current[format]} == 1 ]] && is_number "${current[sequence]}"
}

# current_text: the array `current` as the file has it, in REPLY.
current_text() {
    local key
    REPLY="format=1"$'\n'
    for key in host service version previous digest definition outcome step rollout revision sequence at; do
        REPLY+=$key=${current[$key]-}$'\n'
    done
}

# flush PATH…: to the disk. An old `sync` that knows no arguments flushes everything.
flush() { sync "$@"; }

# load_task TEXT: the step that the following functions are about, from its step.env.
load_task() {
    task=()
    read_pairs task "$1"
    step=${task[step]-}
    folder=$state/steps/${step:0:16}
    log=$folder/log
}
