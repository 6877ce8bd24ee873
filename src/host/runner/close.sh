# Rule 4: what an interrupted run has left is closed once and for all. And rule 9: the end of a step.

# close_interrupted: every step of the service that has a marker and no report; false where some of
# it still runs and will not end.
close_interrupted() {
    local own=$step found
    for found in "$state"/steps/*/; do
        found=${found%/}
        if is_open "$found"; then
            close_step "$found" || return
        elif [[ -f $found/report && -f $found/current.new ]]; then
            folder=$found
            put_current && read_current || return
        fi
    done
    step=$own
}

# anything_open: whether a step of the service still waits to be closed.
anything_open() {
    local found
    for found in "$state"/steps/*/; do
        ! is_open "${found%/}" || return 0
    done
    return 1
}

# close_step FOLDER
close_step() {
    local reason cut
    local -A marker=()
    forget_run
    read_text "$1/step.env"
    load_task "$REPLY"
    read_text "$1/marker"
    read_pairs marker "$REPLY"
    folder=$1 log=$1/log step=${task[step]:-${marker[step]}}
    began=${marker[began]} touched=${marker[touched]:-1}
    previous=${marker[previous]:-${current[version]}} before=$previous
    is_number "$began" || printf -v began '%(%s)T' -1
    cut=${marker[phase]:-deploy}
    phase=$cut marked=1
    reason="interrupted in ${cut%%-*}"
    if ! end_marked; then
        outcome=failed message="$reason; some of it still runs and will not end"
        finish_step || say_own
        return 1
    fi
    if [[ $touched == 0 ]]; then
        rm -rf "$folder/marker" && flush "$folder"
        return
    fi
    case $cut in
        rollback) outcome=failed message=$reason observed= ;;
        observe-restored) check_restored "$reason" 1 ;;
        *) restore "$reason" ;;
    esac
    phase=$cut exit_code=
    finish_step || say_own
}

# A report that could not be stored is still the answer where this step was asked for; whatever
# else was, its run ends here.
say_own() {
    [[ $work != step || $step != "$own" ]] || say_report
    return 1
}

# Ends what the marker names, if it is of this boot: the numbers of another mean other processes.
end_marked() {
    local boot
    read -r boot </proc/sys/kernel/random/boot_id
    [[ ${marker[boot]} == "$boot" ]] || return 0
    is_number "${marker[group]}" && is_number "${marker[start]}" || return 0
    end_session "${marker[group]}" "${marker[start]}"
}

# Nothing of one step's run is taken for another's.
forget_run() {
    outcome= phase= exit_code= message= observed= previous= before= healthy= failure= highest=
    fact_names=() fact_values=() stage_names=() stage_times=()
    touched=0 unstarted= stuck= marked= clock_started= began=
}

# Rule 9, with `current` rewritten by its rules. What cannot be stored has not succeeded: it is
# still open, and the next run will close it.
finish_step() {
    local key stored=0
    case $outcome in
        refused) ;;
        *)
            for key in step rollout revision; do current[$key]=${task[$key]-}; done
            current[host]=$host current[service]=$service current[outcome]=$outcome
            utc
            current[at]=$REPLY
            ;;
    esac
    case $outcome in
        succeeded)
            current[version]=$observed current[previous]=$before
            current[digest]=${task[digest]} current[definition]=${task[definition]}
            ;;
        rolled_back)
            current[version]=$previous
            if [[ ${task[action]} == rollback ]]; then
                current[previous]=$before current[digest]=${task[undo_digest]} current[definition]=
            fi
            ;;
        failed)
            current[version]=${observed:-unknown} current[previous]=$before current[digest]= current[definition]=
            ;;
    esac
    build_report
    if ! { store_report; } 2>>"$log" && [[ ! -f $folder/report ]]; then
        outcome=failed message="the report could not be stored; ${message:-${task[action]} went well}"
        build_report
        stored=1
    fi
    rm -rf "$folder/work" "$folder/events" "$folder/observed"
    return "$stored"
}
