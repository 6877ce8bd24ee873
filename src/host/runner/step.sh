# A step's folder: bundle, reserve, marker, report.

# Rule 3. True when the report of this very step is stored; it is then in `report`.
has_report() {
    report=
    [[ -f $folder/report ]] && IFS= read -r report <"$folder/report"
    [[ $report == "{\"fleet\":1,\"step\":\"$step\","* ]]
}

# has_other_report: true where a report is stored that is not the step's. It ran, and nobody knows
# how it ended; `report` says so, and nothing runs.
has_other_report() {
    [[ -e $folder/report ]] || return
    outcome=failed message='the stored report of this step cannot be read, so it is not run again'
    log=$folder/log
    is_number "$began" || printf -v began '%(%s)T' -1
    build_report
}

# Rule 5.
check_sequence() {
    highest=
    ((${task[sequence]} >= ${current[sequence]})) || {
        highest=${current[sequence]}
        end_without_receipt superseded "sequence ${task[sequence]} is below $highest, which this host has seen"
    }
}

# Rule 5.
check_clock() {
    local now deadline
    printf -v now '%(%s)T' -1
    ((now > ${task[not_after]})) || return 0
    utc "${task[not_after]}"
    deadline=$REPLY
    utc "$now"
    refuse "too late: not after $deadline by the controller's clock, and it is $REPLY by this host's"
}

# Rule 7. What fails here has touched nothing but this folder, which goes again.
write_step() {
    local why
    current[sequence]=${task[sequence]}
    why=$({ make_room && write_bundle && write_reserve && write_sequence && write_marker start 0; } 2>&1) || {
        rm -rf "$folder"
        why=${why##*: }
        refuse "could not write the step to $state: ${why%%$'\n'*}"
    }
    marked=1
}

# Bundle, then the files that phases write to.
write_bundle() {
    local k file path files=()
    rm -rf "$folder" && mkdir -p "$folder/files" "$state/keep" || return
    for ((k = 0; k < ${#part_paths[@]}; k++)); do
        file=$folder/${part_paths[k]}
        path=${part_paths[k]}
        [[ $path != files/*/* ]] || mkdir -p "${file%/*}" || return
        if [[ ${part_kinds[k]} == text ]]; then
            printf %s "${part_texts[k]}" >"$file" || return
        else
            printf %s "${part_texts[k]}" | base64 -d >"$file" || return
        fi
        files+=("$file")
        while [[ $path == */* ]]; do
            path=${path%/*}
            files+=("$folder/$path")
        done
    done
    mkdir "$folder/work" && : >"$log" && : >"$folder/events" && : >"$folder/observed" &&
        flush "${files[@]}" "$folder" "${folder%/*}"
}

# Room for the report and for the receipt, so that neither needs a free block at the end.
write_reserve() {
    local padding
    printf -v padding '%4096s' ''
    printf %s "$padding" >"$folder/report.new" && printf %s "$padding" >"$folder/current.new" &&
        flush "$folder/report.new" "$folder/current.new" "$folder"
}

# The highest sequence seen: it stays whatever becomes of the step.
write_sequence() {
    : "${current[host]:=$host}" "${current[service]:=$service}"
    current_text
    printf %s "$REPLY" >"$state/current.new" && flush "$state/current.new" &&
        mv -f "$state/current.new" "$state/current" && flush "$state"
}

# write_marker PHASE GROUP [START]: overwritten in place and within one sector, so that it needs no
# free block and is never half written.
write_marker() {
    local text boot
    read -r boot </proc/sys/kernel/random/boot_id
    printf -v text '%s\n' "step=$step" "phase=$1" "touched=$touched" "group=$2" "start=${3:-0}" \
        "boot=$boot" "began=$began" "previous=$previous"
    printf -v text '%-511s\n' "$text"
    if [[ ! -e $folder/marker ]]; then
        printf %s "$text" >"$folder/marker" && flush "$folder/marker" "$folder"
    else
        printf %s "$text" 1<>"$folder/marker" && flush "$folder/marker"
    fi
}

# Rule 9. The report over its reserve, then `current`; what is left of the padding does no harm to
# the one, and goes from the other. The report's name decides: a `current.new`
# beside it is the receipt that was still to be put in place.
store_report() {
    current_text
    printf '%s\n' "$report" 1<>"$folder/report.new" &&
        printf %s "$REPLY" 1<>"$folder/current.new" && truncate -s ${#REPLY} "$folder/current.new" &&
        flush "$folder/report.new" "$folder/current.new" &&
        mv -f "$folder/report.new" "$folder/report" && flush "$folder" && put_current
}

put_current() { mv -f "$folder/current.new" "$state/current" && flush "$state" "$folder"; }

# make_room: steps are kept 30 days, at most 20 with the one to come. None is open by now: rule 4 has
# closed them all.
make_room() {
    local now stamp path kept=0
    printf -v now '%(%s)T' -1
    while read -r stamp path; do
        [[ ${path%/} != "$folder" ]] || continue
        if ((kept < 19 && stamp > now - 30 * 86400)); then
            ((kept += 1))
        else
            rm -rf "$path"
        fi
    done < <(stat -c '%Y %n' "$state"/steps/*/ 2>/dev/null | sort -rn)
}

# is_open FOLDER: a marker without a report.
is_open() { [[ -f $1/marker && ! -f $1/report ]]; }
