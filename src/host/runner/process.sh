# Running one phase: its own session, its marker, its time limit, its end.

# Runs in the phase's session and stands between it and the runner: a script that kills its parent
# hits this. It starts the phase when the runner, which has written the marker, says so; when the
# runner is gone instead, it reads the end of the pipe and nothing is started.
readonly watcher='
IFS= read -r go || exit 0
bash -c "$1" "$2" "$3" "$4" </dev/null >>"$5"
printf "%s\n" "$?"
'

# run_phase NAME [MARK]: runs NAME.sh under the marker MARK; true when it exited 0. Otherwise
# `failure` says why it did not, and `exit_code` is empty where it had to be ended.
run_phase() {
    local name=$1 pid ticks started status=
    phase=${2:-$1} exit_code= failure= unstarted=
    : >"$folder/events" 2>/dev/null
    [[ $name != observe ]] || : >"$folder/observed" 2>/dev/null
    uptime
    started=$REPLY
    launch "$name" || {
        failure='could not be started'
        unstarted=1
        return 1
    }
    pid=$phase_watcher_PID
    start_time "$pid"
    ticks=$REPLY
    if ! { write_marker "$phase" "$pid" "$ticks"; } 2>>"$log"; then
        exec 5>&- 6<&-
        wait "$pid" 2>/dev/null
        failure='its marker could not be written, so it was not started'
        unstarted=1
        return 1
    fi
    { printf 'go\n' >&5; } 2>/dev/null
    await "${task[timeout]:=1800}"
    exec 5>&- 6<&-
    collect_events "$started"
    judge "$pid" "$ticks"
}

# launch NAME: the watcher, waiting; its pipes as descriptors 5 (to) and 6 (from).
launch() {
    local name=$1 output=$log
    [[ $name != observe ]] || output=$folder/observed
    utc
    printf -- '--- %s %s\n' "$name" "$REPLY" >>"$log" 2>/dev/null
    { coproc phase_watcher {
        exec 9>&- 2>>"$log"
        set_environment
        exec setsid bash -c "$watcher" fleet "$prelude" "$name" "$folder/$name.sh" "$folder/events" "$output"
    }; } 2>/dev/null
    [[ ${phase_watcher_PID-} && ${phase_watcher[1]-} ]] &&
        { exec 6<&"${phase_watcher[0]}"- 5>&"${phase_watcher[1]}"-; } 2>/dev/null
}

# What a script sees (design.md §3).
set_environment() {
    export FLEET_HOST=$host FLEET_SERVICE=$service FLEET_VERSION=${task[FLEET_VERSION]}
    export FLEET_PREVIOUS_VERSION=${previous:-none} FLEET_FILES=$folder/files FLEET_WORK=$folder/work
    export FLEET_KEEP=$state/keep FLEET_ROOT=$root FLEET_STEP=$step
    unset LC_ALL
    [[ ! $locale ]] || export LC_ALL=$locale
    umask 022
    mkdir -p "$FLEET_WORK" && cd "$FLEET_WORK" || cd "$folder"
}

# await SECONDS: the phase's exit code in `exit_code`; empty where none came. `status` is above 128
# where the time is over.
await() {
    local deadline left
    uptime
    deadline=$((REPLY + $1 * 100))
    left=$1
    while :; do
        IFS= read -r -t "$left" -u 6 exit_code
        status=$?
        ((status > 128)) || return 0
        uptime
        left=$(((deadline - REPLY + 99) / 100)) # a signal may have ended the read early
        ((left > 0)) || return 0
    done
}

# judge LEADER START: whether the phase succeeded; what did not end by itself is ended.
judge() {
    if [[ $exit_code ]]; then
        wait "$1" 2>/dev/null
        if ((exit_code == 0)); then failure=; else : "${failure:=exited with $exit_code}"; fi
        return "$exit_code"
    fi
    if ((status > 128)); then
        failure="did not end within ${task[timeout]} s and was killed"
    else
        failure='was cut off: its parent process was killed'
    fi
    if end_session "$1" "$2"; then
        wait "$1" 2>/dev/null
    else
        failure+=', but some of it will not end'
        stuck=1
    fi
    return 1
}

# collect_events STARTED: what the script said through fleet_stage, fleet_fact and fleet_fail.
collect_events() {
    local kind name value stage= since=$1
    {
        while IFS= read -r -d '' kind && IFS= read -r -d '' name && IFS= read -r -d '' value; do
            case $kind in
                fact) set_fact "$name" "$value" ;;
                fail) failure=$value ;;
                stage)
                    is_number "$value" || continue
                    [[ ! $stage ]] || add_stage "$stage" $((value - since))
                    stage=$name since=$value
                    ;;
            esac
        done <"$folder/events"
    } 2>/dev/null
    [[ $stage ]] || return 0
    uptime
    add_stage "$stage" $((REPLY - since))
}

# start_time PID: when it started, in ticks since boot, in REPLY.
start_time() {
    local line=
    REPLY=
    { IFS= read -r -d '' line <"/proc/$1/stat"; } 2>/dev/null
    [[ $line ]] || return 1
    set -- ${line##*) } # from field 3 on; the name before it may hold anything
    REPLY=${20}
}

# session_members LEADER START: the processes of that session and their descendants, in REPLY.
# Nobody where LEADER is by now another process: a number is free again only when its session is.
session_members() {
    local leader=$1 start=$2 stat line pid more=1
    local -A parent=() found=()
    REPLY=
    ((leader > 1)) || return 0
    for stat in /proc/[0-9]*/stat; do
        line=
        { IFS= read -r -d '' line <"$stat"; } 2>/dev/null
        [[ $line ]] || continue
        pid=${line%% *}
        set -- ${line##*) }
        [[ $pid != "$leader" || ${20} == "$start" ]] || return 0
        [[ $1 != [ZX] && $pid != "$$" ]] || continue
        parent[$pid]=$2
        (($4 != leader || ${20} < start)) || found[$pid]=1
    done
    while ((more)); do
        more=0
        for pid in "${!parent[@]}"; do
            [[ ! ${found[$pid]} && ${found[${parent[$pid]}]} ]] || continue
            found[$pid]=1 more=1
        done
    done
    REPLY="${!found[*]}"
}

# end_session LEADER START: 5 seconds after TERM comes KILL; true once nobody is left.
end_session() {
    local tries signal=TERM
    for ((tries = 0; tries < 150; tries++)); do
        session_members "$1" "$2"
        [[ $REPLY ]] || return 0
        ((tries < 50)) || signal=KILL
        ((tries > 0 && tries < 50)) || kill -"$signal" $REPLY 2>/dev/null
        sleep 0.1
    done
    return 1
}
