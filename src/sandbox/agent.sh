# Runs one command of one sandbox host, and outlives the sandbox: whoever starts it later finds
# standard output, standard error and the exit code in files.
#
# $1 control folder, $2 orchestration folder, $3 the command for `sh -c`. Standard input is a
# locked file: it stays locked until the script has ended and nobody holds its output open.
# Descriptors: 8 is the script's standard error, 9 the lock; the script itself gets neither.
exec 9<&0 </dev/null
umask 0022
echo $$ >"$1/wrapper"
# Copied here and not written by the sandbox: while a process with many threads starts another
# one, its files are open for writing in both, and a script that is cannot be run.
install -m 0700 "$1/script" "$2/_script.sh" || exit 1
{
    {
        # The script leads a session of its own, so one signal ends it with its children. It is
        # not started with `&`: a shell's background jobs ignore SIGINT, and the agent's do not.
        sh -c 'echo $$ >"$0/leader" && exec 8>&- 9<&- && exec setsid sh -c "$1"' "$1" "$3" 2>&8
        echo $? >"$1/exit"
    } 2>/dev/null | cat >>"$2/stdout"
} 8>&1 | cat >>"$2/stderr"
