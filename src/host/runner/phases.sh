# Rule 8: the phases of a step and what follows from how each ends.

has() { [[ -f $folder/$1.sh ]]; }

# observe MARK: runs observe; the version it prints in `observed`, its health in `healthy`. Without
# such a phase nothing is known.
observe() {
    local line name value seen=
    healthy=
    has observe || return 0
    run_phase observe "$1" || return
    while IFS= read -r line || [[ $line ]]; do
        [[ $line =~ ^[A-Za-z][A-Za-z0-9_.-]{0,39}= ]] || continue
        name=${line%%=*} value=${line#*=}
        case $name in
            version) seen=$value ;;
            healthy) healthy=$value ;;
            *) set_fact "$name" "$value" ;;
        esac
    done < <(tail -c 65536 "$folder/observed" 2>/dev/null | tr -d '\0') # bash 4.2 would end a line there
    cat "$folder/observed" >>"$log" 2>/dev/null
    if [[ ! $seen || ${#seen} -gt 128 || $seen == *[[:cntrl:]]* ]]; then
        failure='printed no usable version='
        return 1
    fi
    observed=$seen
}

# proves VERSION: whether the last observation says that it runs.
proves() {
    has observe || return 0
    if [[ $observed != "$1" ]]; then
        failure="printed version $observed, not $1"
    elif [[ $1 != none && $healthy == false ]]; then
        failure="printed healthy=false for version $1"
    else
        return 0
    fi
    return 1
}

# said_of PHASE: for `message`.
said_of() { message="${1%%-*}${failure:+ $failure}"; }

# The whole step. It leaves the outcome; finish_step stores and prints it.
run_phases() {
    previous=${current[version]}
    [[ ${task[action]} != rollback ]] || previous=${task[FLEET_PREVIOUS_VERSION]}
    if ! observe observe; then
        outcome=refused
        said_of observe
        return
    fi
    before=${observed:-${current[version]}}
    if [[ ${task[action]} == rollback ]]; then
        go_back
    elif [[ ${task[action]} == remove ]]; then
        previous=$before
        take_away
    else
        previous=$before
        go_forward
    fi
}

# A step whose action is remove: preflight and verify are about a version, and there is none.
take_away() {
    if ! has remove; then
        outcome=refused message='there is no remove phase'
        return
    fi
    touched=1
    if run_phase remove && see none; then
        succeed none
        phase=remove
    elif [[ $unstarted && $phase == remove ]]; then
        touched=0 outcome=refused
        said_of remove
    else
        undo
    fi
}

go_forward() {
    local wanted=${task[FLEET_VERSION]}
    if [[ ${task[action]} == install && ${current[version]} == none && ${observed:-none} != none ]]; then
        outcome=refused message="$observed already runs here, and not by fleet"
    elif [[ ${task[action]} == install && ${current[digest]} == "${task[digest]}" ]]; then
        prove_only "$wanted"
    elif has preflight && ! run_phase preflight; then
        outcome=refused
        said_of preflight
    else
        touched=1
        if run_phase deploy && prove "$wanted"; then
            succeed "$wanted"
        elif [[ $unstarted && $phase == deploy ]]; then
            touched=0 outcome=refused
            said_of deploy
        else
            undo
        fi
    fi
}

# verify and the second observe: the desired version by another way than deploy's.
prove() {
    ! has verify || run_phase verify || return
    see "$1"
}

# see VERSION: the second observe.
see() {
    observe observe-again || return
    if ! proves "$1"; then
        phase=observe
        return 1
    fi
}

# An install whose receipt already has this digest.
prove_only() {
    if prove "$1"; then
        succeed "$1"
    else
        outcome=refused
        said_of "$phase"
        message="installed by an earlier step, which this one did not repeat; $message"
    fi
}

# succeed VERSION: the phase of the report is the last that did something.
succeed() {
    outcome=succeeded exit_code=0 observed=$1
    phase=deploy
    ! has verify || phase=verify
}

# The step's own rollback, of what it has touched.
undo() {
    local blamed=$phase code=$exit_code
    said_of "$phase"
    restore "$message"
    [[ $outcome != rolled_back ]] || phase=$blamed exit_code=$code
}

# restore REASON: rollback, then observe decides whether the previous version is back.
restore() {
    local code
    observed=
    if [[ $stuck ]]; then
        outcome=failed message=$1
    elif ! has rollback; then
        outcome=failed message="$1; there is no rollback phase"
    else
        run_phase rollback
        code=$?
        if [[ $unstarted || $stuck ]]; then
            outcome=failed
            said_of rollback
            message="$1; $message"
        else
            check_restored "$1" "$code"
        fi
    fi
}

# check_restored REASON CODE: observe decides; without one, the exit code of rollback.
check_restored() {
    local code=$2 said="rollback${failure:+ $failure}"
    if ! has observe; then
        [[ $code != 0 ]] || observed=$previous
    elif observe observe-restored && proves "$previous"; then
        code=0
    else
        code=1
        said="$said, and then observe $failure"
    fi
    outcome=rolled_back message=$1 phase=rollback
    ((code == 0)) || outcome=failed message="${1:+$1; }$said"
}

# A step whose action is rollback.
go_back() {
    touched=1
    restore ''
    [[ $outcome != rolled_back ]] || phase=rollback exit_code=0
}
