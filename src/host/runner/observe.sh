# Observing outside a step: what is closed first is what rule 4 says; nothing else changes on the host.

take_observation() {
    local own_task=${part_texts[0]}
    state=$host_folder/$service
    load_task "$own_task"
    log=
    check_tools
    open_folder "$service"
    take_lock
    read_current || refuse "$state/current is not one that fleet has written"
    close_interrupted || refuse 'an earlier step that was cut off could not be closed'
    forget_run
    load_task "$own_task"
    folder=$state/observe log=$folder/log
    end_observation_before || refuse 'an earlier observation still runs and will not end'
    write_observation
    previous=${current[version]} before=${current[version]}
    if observe observe; then
        outcome=succeeded
        [[ ! $healthy ]] || set_fact healthy "$healthy"
    else
        outcome=refused
        said_of observe
    fi
    build_report
    say_report
}

# An observation whose runner was killed may still run: its marker says what.
end_observation_before() {
    local -A marker=()
    [[ -f $folder/marker ]] || return 0
    read_text "$folder/marker"
    read_pairs marker "$REPLY"
    end_marked
}

# In a folder that no step has and that goes with the run.
write_observation() {
    local why
    why=$({ write_bundle; } 2>&1) || {
        rm -rf "$folder"
        why=${why##*: } log=
        refuse "could not write the observation to $state: ${why%%$'\n'*}"
    }
}
