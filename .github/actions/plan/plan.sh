#!/usr/bin/env bash
# Checks the manifests of a pull request, plans them, and keeps one comment with the plan.
#
# The settings are PLAN_* (action.yml sets them) and the GITHUB_* of every job. Titles and names of
# branches are not among them. What fleet prints may be words of the pull request: it goes into
# files and from there into the comment, never into a command.
set -euo pipefail

: "${PLAN_FLEET:=fleet}" "${PLAN_PATH:=.}" "${PLAN_REVISION:=HEAD}" "${PLAN_KEY:=}"
: "${PLAN_AUTHOR:=github-actions[bot]}" "${PLAN_NUMBER:=}" "${PLAN_TOKEN:=}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    printf '::error title=fleet plan::%s\n' "$1"
    exit 1
}

for program in curl jq "$PLAN_FLEET"; do
    command -v "$program" >/dev/null || fail "$program is not there, and fleet plan needs it"
done
case $PLAN_KEY in
*[!A-Za-z0-9._-]*) fail 'key may have letters, digits, dots, dashes and underscores only' ;;
*--*) fail 'key may not have two dashes in a row: they end the hidden mark of the comment' ;;
esac
mark="<!-- fleet-plan${PLAN_KEY:+ $PLAN_KEY} -->"

ask() {
    command "$PLAN_FLEET" --repo "$PLAN_PATH" --color never "$@"
}

# --- what fleet says -----------------------------------------------------------------------------

invalid=0
ask validate --revision "$PLAN_REVISION" --format github 2>"$work/errors" || invalid=$?
if [ "$invalid" != 0 ]; then
    ask validate --revision "$PLAN_REVISION" >"$work/problems" 2>&1 || true
fi
failed=0
ask plan --revision "$PLAN_REVISION" --format markdown >"$work/plan" 2>>"$work/errors" || failed=$?

# Into the log as it is, between two lines that keep GitHub from obeying any of it.
pause=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf '::stop-commands::%s\n' "$pause"
cat "$work/errors"
printf '::%s::\n' "$pause"

# --- the comment ---------------------------------------------------------------------------------

# Text as an indented block, which no character in it can end, of at most 4,000 characters: with a
# plan of 60,000 a comment stays below GitHub's 65,536.
block() {
    tr '\r' '\n' <"$1" | tr -d '\000-\010\013-\037\177' | awk '
        (n += length($0) + 5) <= 4000 { print "    " $0; next }
        !cut++ { print "    …" }'
}

{
    printf '%s\n## fleet plan%s\n\n' "$mark" "${PLAN_KEY:+: $PLAN_KEY}"
    if [ "$invalid" = 3 ]; then
        printf '**Invalid**: this job fails until it is mended.\n\n'
        block "$work/problems"
        printf '\n'
    elif [ "$failed" != 0 ] || [ "$invalid" != 0 ]; then
        printf '**No plan could be made.**\n\n'
        block "$work/errors"
        printf '\n'
    fi
    cat "$work/plan"
    printf '\n_[This run](%s/%s/actions/runs/%s) wrote it, and the next one writes it anew._\n' \
        "$GITHUB_SERVER_URL" "$GITHUB_REPOSITORY" "$GITHUB_RUN_ID"
} >"$work/comment"
jq -Rs '{body: .}' "$work/comment" >"$work/body"

# --- GitHub --------------------------------------------------------------------------------------

comments=$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues
# In a file: arguments of a program can be read by every other one on the machine.
printf 'authorization: Bearer %s\n' "$PLAN_TOKEN" >"$work/headers"
printf 'accept: application/vnd.github+json\nx-github-api-version: 2022-11-28\n' >>"$work/headers"

# call METHOD URL [OPTION...]: the status, 000 where there was no answer.
call() {
    curl -q --silent --show-error --max-time 60 --request "$1" --header "@$work/headers" \
        --dump-header "$work/head" --output "$work/answer" --write-out '%{http_code}' \
        "${@:3}" -- "$2" 2>>"$work/curl" || true
}

# What may be asked twice: all but the making of a comment, which would make two.
retry='--retry 3'

# A token that may read only: a fork's, or a job without `pull-requests: write`.
is_forbidden() {
    [ "$1" = 403 ] && ! jq -r '.message? // ""' "$work/answer" 2>/dev/null | grep -qi 'rate limit'
}

summary() {
    { printf '%s\n\n' "$1"; cat "$work/comment"; } >>"$GITHUB_STEP_SUMMARY"
}

done_with() {
    local status=$1 what=$2
    case $status in
    200 | 201)
        printf '%s %s\n' "$what" "$(jq -r '.html_url // ""' "$work/answer")"
        return
        ;;
    esac
    if is_forbidden "$status"; then
        printf '::notice title=fleet plan::%s\n' \
            'This token may not comment (a fork, or no pull-requests: write): the plan is in the summary of this job'
        summary 'The plan is here and not in a comment: the token of this job may not write one.'
        return
    fi
    summary 'The plan is here and not in a comment: GitHub did not take it.'
    fail "the comment could not be written (HTTP $status): $(jq -r '.message? // ""' "$work/answer" 2>/dev/null | head -c 200)$(tail -n 1 "$work/curl")"
}

publish() {
    local url="$comments/$PLAN_NUMBER/comments?per_page=100" status id=
    while [ -n "$url" ]; do
        # shellcheck disable=SC2086 # two words
        status=$(call GET "$url" $retry)
        if [ "$status" != 200 ]; then
            done_with "$status" ''
            return
        fi
        id=$(jq -r --arg mark "$mark" --arg author "$PLAN_AUTHOR" '
            first(.[] | select(.user.login == $author and (.body // "" | startswith($mark))) | .id) // ""
        ' "$work/answer")
        [ -z "$id" ] || break
        url=$(tr -d '\r' <"$work/head" | sed -n 's/^[Ll]ink:.*<\([^<>]*\)>; *rel="next".*/\1/p')
    done
    if [ -n "$id" ]; then
        # shellcheck disable=SC2086
        status=$(call PATCH "$comments/comments/$id" $retry --data-binary "@$work/body")
        done_with "$status" Updated
    else
        status=$(call POST "$comments/$PLAN_NUMBER/comments" --data-binary "@$work/body")
        done_with "$status" Wrote
    fi
}

if [ -n "$PLAN_NUMBER" ]; then
    publish
else
    summary 'This run is not of a pull request.'
fi

[ "$invalid" = 0 ] || exit "$invalid"
exit "$failed"
