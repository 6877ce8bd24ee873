# Asking: the runner without a step. What was cut off is closed first.

readonly answer_room=2400 # of the 2,500 characters that ListCommandInvocations gives

answer_busy() {
    case $work in
        step | observe) end_without_receipt busy 'another run holds the lock of this host' ;;
        ask)
            said=1
            for step in $asked; do printf '{"fleet":1,"step":"%s","outcome":"busy"}\n' "$step"; done
            exit 2
            ;;
        *) say_problem 'another run holds the lock of this host' ;;
    esac
}

# open_service NAME: what rule 4 needs.
open_service() {
    service=$1 state=$host_folder/$1
    open_folder "$service"
    read_current || refuse "$state/current is not one that fleet has written"
    close_interrupted
    ! anything_open || say_problem "a step of $service that was cut off could not be closed"
}

# The stored report or `untouched` of each step; shorter where they do not fit together.
answer_steps() {
    local level text
    open_service "$service"
    for level in 0 1 2 3 4 5; do
        text=
        for step in $asked; do
            folder=$state/steps/${step:0:16}
            forget_run
            if has_report || has_other_report; then
                shorten "$level"
            else
                report="{\"fleet\":1,\"step\":\"$step\",\"outcome\":\"untouched\",\"sequence\":${current[sequence]}}"
            fi
            text+=$report$'\n'
        done
        ((${#text} > answer_room)) || break
    done
    said=1
    printf %s "$text"
    exit 0
}

# shorten LEVEL: `report` without its last fields. Inside of strings every quote has a backslash, but
# facts and stages may have the names of fields: a field with this value is the last one, whereas
# theirs is in braces, or another field follows.
shorten() {
    local key start rest k=0
    for key in tail log facts stages message; do
        ((k < $1)) || return 0
        ((k += 1))
        start=",\"$key\":\""
        [[ $key != [fs]* ]] || start=",\"$key\":{"
        [[ $report == *"$start"* ]] || continue
        rest=${report##*"$start"}
        case $key in
            tail | log) [[ $rest != *'}}' && $rest != *',"'[!}]* ]] || continue ;;
        esac
        report=${report%"$start$rest"}\}
    done
}

# `current` of each service, after a line that says how many there are. With fewer fields where
# there are many, and of too many as many as fit.
answer_current() {
    local found names=() level name text
    for found in "$host_folder"/*/; do
        [[ -d $found/steps ]] || continue
        name=${found%/}
        open_service "${name##*/}"
        [[ ! -f $state/current ]] || names+=("$service")
    done
    said=1
    for level in full short; do
        text="{\"fleet\":1,\"host\":\"$host\",\"services\":${#names[@]}}"$'\n'
        for service in "${names[@]}"; do
            state=$host_folder/$service
            read_current
            current_line "$level"
            [[ $level == full ]] || ((${#text} + ${#REPLY} <= answer_room)) || break
            text+=$REPLY$'\n'
        done
        ((${#text} > answer_room)) || break
    done
    printf %s "$text"
    exit 0
}

# current_line full|short: in REPLY.
current_line() {
    local key line="{\"host\":\"$host\",\"service\":\"$service\""
    local keys='version previous digest definition outcome step rollout revision at'
    if [[ $1 == short ]]; then
        keys='version digest outcome'
        # What failed is blocked by what its revision wanted.
        [[ ${current[outcome]} == succeeded ]] || keys+=' rollout revision'
    fi
    for key in $keys; do
        [[ ${current[$key]} ]] || continue
        json "${current[$key]}" 160
        line+=",\"$key\":\"$REPLY\""
    done
    REPLY="$line,\"sequence\":${current[sequence]}}"
}
