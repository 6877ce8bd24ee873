# ASCII JSON without jq or python, byte by byte: LC_ALL is C here, so ${#x} counts bytes.

# json TEXT ROOM: TEXT as the inside of a JSON string in REPLY, its beginning where it is longer
# than ROOM bytes, never half a character.
json() {
    local text=${1:0:$2} at=0 piece width
    REPLY=
    if [[ $text != *[!\ -~]* && $text != *[\"\\]* ]]; then
        REPLY=$text
        return
    fi
    while ((at < ${#text})); do
        json_piece "$text" "$at"
        ((${#REPLY} + ${#piece} <= $2)) || return 0
        REPLY+=$piece
        ((at += width))
    done
}

# json_end TEXT ROOM: the same, but it keeps the end.
json_end() {
    local text=$1 at=0 piece width pieces=()
    ((${#text} <= $2)) || text=${text:${#text} - $2}
    while [[ ${text:at:1} == [$'\x80'-$'\xbf'] ]]; do ((at += 1)); done
    while ((at < ${#text})); do
        json_piece "$text" "$at"
        pieces+=("$piece")
        ((at += width))
    done
    REPLY=
    for ((at = ${#pieces[@]} - 1; at >= 0; at--)); do
        ((${#REPLY} + ${#pieces[at]} <= $2)) || return 0
        REPLY=${pieces[at]}$REPLY
    done
}

# json_piece TEXT AT: the character at AT in `piece`, how many bytes it took in `width`.
json_piece() {
    local byte=${1:$2:1}
    width=1
    case $byte in
        \" | \\) piece=\\$byte ;;
        [\ -~]) piece=$byte ;;
        $'\n') piece='\n' ;;
        $'\r') piece='\r' ;;
        $'\t') piece='\t' ;;
        [$'\x80'-$'\xff']) json_utf8 "$1" "$2" ;;
        *)
            printf -v piece %d "'$byte"
            printf -v piece '\\u%04x' "$piece"
            ;;
    esac
}

# json_utf8 TEXT AT: as json_piece, for bytes from 0x80 on; what is not UTF-8 becomes U+FFFD.
json_utf8() {
    local code more least byte k
    printf -v code %d "'${1:$2:1}"
    code=$((code & 255))
    if ((code >= 0xc2 && code <= 0xdf)); then
        more=1 least=0x80 code=$((code & 0x1f))
    elif ((code >= 0xe0 && code <= 0xef)); then
        more=2 least=0x800 code=$((code & 0x0f))
    elif ((code >= 0xf0 && code <= 0xf4)); then
        more=3 least=0x10000 code=$((code & 0x07))
    else
        more=0 least=0x110000
    fi
    for ((k = 1; k <= more; k++)); do
        printf -v byte %d "'${1:$2 + k:1}"
        byte=$((byte & 255))
        if ((byte < 0x80 || byte > 0xbf)); then
            least=0x110000
            break
        fi
        code=$((code << 6 | byte & 0x3f))
    done
    piece='\ufffd'
    ((code >= least && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff))) || return 0
    width=$((more + 1))
    if ((code < 0x10000)); then
        printf -v piece '\\u%04x' "$code"
    else
        ((code -= 0x10000))
        printf -v piece '\\u%04x\\u%04x' $((0xd800 | code >> 10)) $((0xdc00 | code & 0x3ff))
    fi
}
