# The one line that a step prints, and the end of every run.

readonly report_room=1199 # and a newline: design.md §4 allows 1,200 bytes

# What the step has come to; build_report reads these.
outcome= phase= exit_code= message= observed= previous= before=
fact_names=() fact_values=() stage_names=() stage_times=()
began= clock_started=

# uptime: hundredths of a second since boot in REPLY. It never jumps, as the wall clock may.
uptime() {
    read -r REPLY _ </proc/uptime
    REPLY=$((10#${REPLY/./}))
}

# utc [SECONDS]: RFC 3339 in REPLY; now without SECONDS.
utc() {
    local TZ=UTC0
    printf -v REPLY '%(%Y-%m-%dT%H:%M:%SZ)T' "${1:--1}"
}

# set_fact NAME VALUE: the last of a name wins; at most 16 names.
set_fact() {
    local k
    [[ $1 =~ ^[A-Za-z][A-Za-z0-9_.-]{0,39}$ ]] || return 0
    for ((k = 0; k < ${#fact_names[@]}; k++)); do
        [[ ${fact_names[k]} != "$1" ]] || break
    done
    ((k < 16)) || return 0
    fact_names[k]=$1
    fact_values[k]=$2
}

# add_stage NAME HUNDREDTHS: of a name that comes again the times are added.
add_stage() {
    local k
    json "$1" 40
    for ((k = 0; k < ${#stage_names[@]}; k++)); do
        [[ ${stage_names[k]} != "$REPLY" ]] || break
    done
    ((k < 16)) || return 0
    stage_names[k]=$REPLY
    stage_times[k]=$((${stage_times[k]:-0} + $2))
}

# seconds HUNDREDTHS: as a JSON number with one decimal in REPLY.
seconds() {
    local tenths=$((($1 > 0 ? $1 : 0) / 10))
    REPLY=$((tenths / 10)).$((tenths % 10))
}

# elapsed: hundredths of a second since the step began in REPLY; by the wall clock where another
# run began it.
elapsed() {
    if [[ $clock_started ]]; then
        uptime
        REPLY=$((REPLY - clock_started))
    else
        printf -v REPLY '%(%s)T' -1
        REPLY=$(((REPLY - began) * 100))
    fi
}

# build_report: the line in `report`. Where not everything fits, the tail goes first, then the log,
# facts, stages and the end of the message.
build_report() {
    local room
    report="{\"fleet\":1,\"step\":\"$step\",\"host\":\"$host\",\"service\":\"$service\",\"outcome\":\"$outcome\""
    [[ ! $phase ]] || report+=",\"phase\":\"${phase%%-*}\""
    [[ ! $exit_code ]] || report+=",\"exit\":$exit_code"
    if [[ $observed && $observed != unknown ]]; then
        json "$observed" 160
        report+=",\"version\":\"$REPLY\""
    fi
    if [[ $before && $before != unknown ]]; then
        json "$before" 160
        report+=",\"previous\":\"$REPLY\""
    fi
    [[ ! $highest ]] || report+=",\"sequence\":$highest"
    utc "$began"
    report+=",\"started\":\"$REPLY\""
    elapsed
    seconds "$REPLY"
    report+=",\"seconds\":$REPLY"
    room=$((report_room - ${#report} - 15))
    json "$message" $((room < 300 ? room : 300))
    report+=",\"message\":\"$REPLY\""
    add_stages && add_facts && add_log
    report+='}'
}

# False where one of them had no room, as in add_facts: what would go before it then has none either.
add_stages() {
    local k entry object= whole=1
    for ((k = 0; k < ${#stage_names[@]}; k++)); do
        seconds "${stage_times[k]}"
        entry="${object:+,}\"${stage_names[k]}\":$REPLY"
        if ((${#report} + ${#object} + ${#entry} + 14 <= report_room)); then object+=$entry; else whole=; fi
    done
    [[ ! $object ]] || report+=",\"stages\":{$object}"
    [[ $whole ]]
}

add_facts() {
    local k entry object= whole=1
    for ((k = 0; k < ${#fact_names[@]}; k++)); do
        json "${fact_values[k]}" 200
        entry="${object:+,}\"${fact_names[k]}\":\"$REPLY\""
        if ((${#report} + ${#object} + ${#entry} + 13 <= report_room)); then object+=$entry; else whole=; fi
    done
    [[ ! $object ]] || report+=",\"facts\":{$object}"
    [[ $whole ]]
}

# The log's path, and its end where the step did not succeed.
add_log() {
    local room end=
    [[ $log && -f $log ]] || return 0
    json "$log" 1200
    room=$((report_room - ${#report} - ${#REPLY} - 10))
    ((room >= 0)) || return 0
    report+=",\"log\":\"$REPLY\""
    ((room > 30)) && [[ $outcome != succeeded ]] || return 0
    { end=$(tail -c "$room" "$log"); } 2>/dev/null
    json_end "$end" $((room - 11))
    report+=",\"tail\":\"$REPLY\""
}

# say_report: prints the line and ends the run. 0, 1 and 2 are the only codes that the SSM agent
# does not take for something else.
say_report() {
    said=1
    printf '%s\n' "$report"
    ended=${report#*'"outcome":"'} # the first is the field; a fact may have the same name
    case ${ended%%'"'*} in
        succeeded) exit_status=0 ;;
        failed | rolled_back) exit_status=1 ;;
        *) exit_status=2 ;;
    esac
    ((exit_status == 0)) || [[ ! -f $log ]] || tail -c 7500 "$log" >&2
    [[ $work != observe || $folder != "$state/observe" ]] || rm -rf "$folder"
    exit "$exit_status"
}

# end_without_receipt OUTCOME MESSAGE: nothing was touched and nothing is stored.
end_without_receipt() {
    outcome=$1 message=$2
    if [[ $work == step || $work == observe ]]; then
        build_report
        say_report
    fi
    say_problem "$2"
}

refuse() { end_without_receipt refused "$1"; }

# say_problem MESSAGE: the end of an asking that has no answer. Not a report: it is no outcome.
say_problem() {
    said=1
    json "$1" 400
    printf '{"fleet":1,"problem":"%s"}\n' "$REPLY"
    exit 2
}

# The runner itself broke: it still says so, in one line, and needs neither disk nor process for it.
last_words() {
    [[ ! $said ]] || return 0
    trap - EXIT
    if [[ $work == step || $work == observe ]]; then
        outcome=refused log= exit_code=
        [[ ! $marked ]] || outcome=failed
        message="the runner broke off${phase:+ in $phase}"
        build_report
        say_report
    fi
    say_problem 'the runner broke off'
}
