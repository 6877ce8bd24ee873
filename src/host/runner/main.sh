# The order of everything. The payload has set `work` (step, ask, current or observe), `fleet`,
# `environment`, `host`, for a step or an observation `service` and its files, for an asking `service`
# and `asked`.

main() {
    trap last_words EXIT
    # A handler that does nothing, unlike `trap ''`, is not inherited: a step that has begun ends with
    # its report whatever signal comes but KILL.
    trap : HUP INT TERM PIPE
    umask 077
    host_folder=$root/var/lib/fleet/$fleet/$environment/$host
    forget_run
    printf -v began '%(%s)T' -1
    uptime
    clock_started=$REPLY
    case $work in
        step) take_step ;;
        ask | current) answer ;;
        observe) take_observation ;;
        *) say_problem "nothing in this command is for $instance" ;;
    esac
}

take_step() {
    local began_here=$began clock_here=$clock_started own closed
    state=$host_folder/$service
    load_task "${part_texts[0]}"
    own=$step log=
    check_tools         # 1
    open_folder "$service"
    take_lock           # 2
    ! has_report || say_report_again # 3
    ! has_other_report || say_report
    read_current || refuse "$state/current is not one that fleet has written"
    close_interrupted   # 4
    closed=$?
    forget_run
    load_task "${part_texts[0]}"
    ! has_report || say_report_again
    began=$began_here clock_started=$clock_here log=
    ((closed == 0)) || refuse 'an earlier step that was cut off could not be closed'
    check_sequence      # 5
    check_clock
    log=$folder/log
    write_step          # 7
    run_phases          # 8
    finish_step         # 9
    say_report
}

# say_report_again: and whatever was left to be done after that report.
say_report_again() {
    log=$folder/log
    [[ ! -f $folder/current.new ]] || put_current
    say_report
}

answer() {
    check_tools
    open_folder
    take_lock # 2
    if [[ $work == ask ]]; then answer_steps; fi # 4, then the answers
    answer_current
}

# part PATH KIND BASE PREFIX SUFFIX MIDDLE: a file of the bundle. It shares a beginning and an end
# with a text that other hosts have too.
part_paths=() part_kinds=() part_texts=()
part() {
    local base=${bases[$3]}
    part_paths+=("$1")
    part_kinds+=("$2")
    part_texts+=("${base:0:$4}$6${base:$5}")
    [[ $1 != step.env ]] || part_texts[0]="step=$step"$'\n'"${part_texts[0]}"
}
