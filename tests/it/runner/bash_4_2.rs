//! Hosts may have bash 4.2, the tests mostly run a newer one: what 4.2 lacks, or does otherwise, is
//! found in the text of everything that fleet sends to a host.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use fleet::model::plan::Action;

use super::command::unpacked;
use super::host::Step;
use crate::example::example_scripts;

/// A construct and the version of bash that brought it.
type Finding = (&'static str, &'static str);

/// Words that mean nothing, or are unset, before some version.
const NAMES: &[Finding] = &[
    ("4.3", "BASH_COMPAT"),
    ("4.3", "globasciiranges"),
    ("4.4", "inherit_errexit"),
    ("5.0", "EPOCHSECONDS"),
    ("5.0", "EPOCHREALTIME"),
    ("5.0", "BASH_ARGV0"),
    ("5.0", "localvar_inherit"),
    ("5.0", "assoc_expand_once"),
    ("5.1", "SRANDOM"),
    ("5.2", "patsub_replacement"),
    ("5.2", "varredir_close"),
    ("5.3", "BASH_MONOSECONDS"),
    ("5.3", "GLOBSORT"),
];

/// Options of builtins: since when, how it is shown, the builtins, the letter.
const OPTIONS: &[(&str, &str, &[&str], char)] = &[
    ("4.3", "wait -n", &["wait"], 'n'),
    ("5.0", "wait -f", &["wait"], 'f'),
    ("5.1", "wait -p", &["wait"], 'p'),
    (
        "4.3",
        "a name reference",
        &["local", "declare", "typeset", "unset"],
        'n',
    ),
    (
        "5.1",
        "inheriting with -I",
        &["local", "declare", "typeset"],
        'I',
    ),
    ("4.4", "mapfile -d", &["mapfile", "readarray"], 'd'),
];

/// What a line has that bash 4.2 has not. `nounset` says whether it runs under `set -u`, and
/// `never_empty` which arrays have something in them.
fn findings(line: &str, nounset: bool, never_empty: &BTreeSet<&str>) -> Vec<Finding> {
    let line = line.trim();
    if line.starts_with('#') {
        return Vec::new();
    }
    let mut found: Vec<Finding> = Vec::new();
    let names = NAMES.iter().filter(|(_, name)| has_word(line, name));
    found.extend(names.copied());
    for (since, shown, builtins, letter) in OPTIONS {
        if builtins.iter().any(|name| has_option(line, name, *letter)) {
            found.push((since, shown));
        }
    }
    if words_after(line, "local").any(|words| words.starts_with("- ") || words == "-") {
        found.push(("4.4", "local -"));
    }
    for (at, _) in line.match_indices("-v ") {
        let element = line[at + 3..].trim_start().trim_start_matches(['"', '\'']);
        let before = line[..at].trim_end();
        if subscript(element).is_some() && !before.ends_with("printf") {
            found.push(("4.3", "-v of an element"));
        }
    }
    if has_time_without_argument(line) {
        found.push(("4.3", "%(…)T without an argument"));
    }
    if line.contains("${ ") || line.contains("${|") {
        found.push(("5.3", "a command substitution in braces"));
    }
    for (at, _) in line.match_indices("[-") {
        let rest = &line[at + 2..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let name = line[..at].rfind(|c: char| !is_name(c)).map_or(0, |k| k + 1);
        let after = rest[digits..].strip_prefix(']').filter(|_| digits > 0);
        let Some(after) = after.filter(|_| name < at) else {
            continue;
        };
        if after.starts_with('=') || after.starts_with("+=") || has_word(line, "unset") {
            found.push(("4.3", "a negative subscript that is set or unset"));
        } else if line[..name].ends_with("${#") {
            found.push(("4.3", "the length of an element from the end"));
        }
    }
    // The one safe way to expand an array that may be empty, as one piece.
    let mut rest = line.to_owned();
    for all in ["@", "*"] {
        while let Some((from, to)) = guarded(&rest, all) {
            rest.replace_range(from..to, "");
        }
    }
    for (at, _) in rest.match_indices("${") {
        found.extend(expansion(&rest[at + 2..], nounset, never_empty));
    }
    found
}

/// What is wrong with an expansion, from its name on.
fn expansion(text: &str, nounset: bool, never_empty: &BTreeSet<&str>) -> Option<Finding> {
    let name = text.split(|c| !is_name(c)).next().unwrap_or_default();
    let positional = ["@", "*"].into_iter().find(|all| text.starts_with(all));
    let name = positional.unwrap_or(name);
    let after = &text[name.len()..];
    let (index, operator) = match after.strip_prefix('[').and_then(|a| a.split_once(']')) {
        Some((index, operator)) => (Some(index), operator),
        None => (None, after),
    };
    if name.is_empty() {
        return None;
    }
    if let Some(letter) = operator.strip_prefix('@')
        && letter.starts_with(|c: char| c.is_ascii_alphabetic())
    {
        return Some(("4.4", "a transformation with @"));
    }
    let replacement = operator.strip_prefix('/').map(|rest| {
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        rest.split('}').next().unwrap_or_default()
    });
    if let Some((_, to)) = replacement.and_then(|text| text.split_once('/'))
        && to.contains(['"', '\''])
    {
        return Some(("4.3", "quotes in a replacement, which stay in it"));
    }
    let all = matches!(index, Some("@" | "*"));
    let safe = ["+", "-", ":+", ":-"];
    if all
        && nounset
        && !never_empty.contains(name)
        && !safe.iter().any(|safe| operator.starts_with(safe))
    {
        return Some(("4.4", "an array that may be empty, under set -u"));
    }
    None
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(is_name) && !line[at + word.len()..].starts_with(is_name)
    })
}

/// What follows a word, up to the end of its command.
fn words_after<'a>(line: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(word).filter_map(move |(at, _)| {
        let rest = line[at + word.len()..].strip_prefix(' ')?;
        let alone = !line[..at].ends_with(|c| is_name(c) || c == '-' || c == '.' || c == '/');
        let end = rest.find([';', '|', '&', ')', '}']).unwrap_or(rest.len());
        alone.then(|| rest[..end].trim())
    })
}

fn has_option(line: &str, builtin: &str, letter: char) -> bool {
    words_after(line, builtin).any(|words| {
        let mut options = words.split(' ').take_while(|word| word.starts_with('-'));
        options.any(|word| !word.starts_with("--") && word.contains(letter))
    })
}

/// The subscript of `name[…`.
fn subscript(text: &str) -> Option<&str> {
    let name = text.find(|c| !is_name(c))?;
    text[name..].strip_prefix('[').filter(|_| name > 0)
}

/// A `printf` of a time whose format is its last word.
fn has_time_without_argument(line: &str) -> bool {
    line.match_indices(")T").any(|(at, _)| {
        let format = line[..at].rfind("%(");
        let quote = format.and_then(|format| line[..format].rfind(['"', '\'']));
        let Some(quote) = quote.map(|at| &line[at..=at]) else {
            return false;
        };
        let Some((_, rest)) = line[at + 2..].split_once(quote) else {
            return false;
        };
        let rest = rest.trim_start();
        rest.is_empty() || rest.starts_with([';', ')', '|', '&', '}', '>', '#'])
    })
}

/// Where `${name[@]+"${name[@]}"}` stands.
fn guarded(line: &str, all: &str) -> Option<(usize, usize)> {
    line.match_indices("${").find_map(|(at, _)| {
        let name = line[at + 2..].split(|c| !is_name(c)).next()?;
        let whole = format!("${{{name}[{all}]+\"${{{name}[{all}]}}\"}}");
        line[at..]
            .starts_with(&whole)
            .then(|| (at, at + whole.len()))
    })
}

/// Arrays whose every assignment in a text begins with a word that is surely there.
fn never_empty(text: &str) -> BTreeSet<&str> {
    let (mut full, mut perhaps) = (BTreeSet::new(), BTreeSet::new());
    for (at, _) in text.match_indices("=(") {
        let start = text[..at].rfind(|c| !is_name(c)).map_or(0, |k| k + 1);
        let name = &text[start..at];
        let first = text[at + 2..].trim_start();
        let literal = first.starts_with(|c| is_name(c) || c == '\'' || c == '/');
        if literal {
            full.insert(name);
        } else {
            perhaps.insert(name);
        }
    }
    &full - &perhaps
}

/// Every finding of a text as `where:line: since bash …`.
fn judge(place: &str, text: &str, nounset: bool) -> Vec<String> {
    let full = never_empty(text);
    let judge_line = |(k, line): (usize, &str)| {
        let found = findings(line, nounset, &full);
        let say = |(since, what)| {
            format!(
                "{place}:{}: {what}: not before bash {since}: {}",
                k + 1,
                line.trim()
            )
        };
        found.into_iter().map(say).collect::<Vec<_>>()
    };
    text.lines().enumerate().flat_map(judge_line).collect()
}

fn scripts_in(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "sh"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let text = fs::read_to_string(&path).unwrap();
            (format!("{folder}/{name}"), text)
        })
        .collect();
    found.sort();
    found
}

#[test]
fn nothing_that_is_sent_needs_more_than_bash_4_2() {
    let mut problems = Vec::new();
    let runner = scripts_in("src/host/runner");
    for (place, text) in &runner {
        // The runner itself goes without `set -u`; its helpers are part of scripts that do not.
        let nounset = place.ends_with("/scripts.sh") || text.contains("\nset -");
        problems.extend(judge(place, text, nounset));
    }
    for (place, text) in scripts_in("templates/partials") {
        problems.extend(judge(&place, &text, true));
    }
    for (place, text) in example_scripts() {
        problems.extend(judge(&place, &text, true));
    }
    let (lines, assembled) = unpacked(&Step::new("a", Action::Install, "1.0.0"));
    let around = lines.iter().filter(|line| !line.starts_with("payload=H"));
    for line in around {
        problems.extend(judge("the lines around the payload", line, false));
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));

    // And what is sent is these files, with nothing else in it but the tasks.
    let code: BTreeSet<_> = runner
        .iter()
        .flat_map(|(_, text)| text.lines())
        .map(str::trim_start)
        .collect();
    let (assembled, _tasks) = assembled.split_once("readonly prelude=").unwrap();
    let foreign: Vec<_> = assembled
        .lines()
        .filter(|line| !code.contains(line))
        .collect();
    assert!(foreign.is_empty(), "{foreign:#?}");
    assert!(assembled.lines().count() > 500, "{assembled}");
}

#[test]
fn every_construct_that_bash_4_2_lacks_is_seen() {
    let bad = [
        ("4.3", "wait -n"),
        ("4.3", "sleep 1 & wait -n \"$pid\" || x=1"),
        ("5.0", "wait -f"),
        ("5.1", "wait -np pid"),
        ("4.3", "local -n array=$1"),
        ("4.3", "declare -gn array=$1"),
        ("4.3", "unset -n x"),
        ("5.1", "local -I x"),
        ("4.4", "f() { local -; set -f; }"),
        ("4.4", "local -"),
        ("4.4", "mapfile -t -d '' names < <(x)"),
        ("4.4", "readarray -d: names"),
        ("4.4", "echo ${x@Q}"),
        ("4.4", "echo \"${names[@]@Q}\""),
        ("4.4", "echo \"${@@Q}\""),
        ("5.0", "now=$EPOCHSECONDS"),
        ("5.0", "now=${EPOCHREALTIME/./}"),
        ("5.0", "BASH_ARGV0=x"),
        ("5.1", "echo $((SRANDOM % 6))"),
        ("4.4", "shopt -s inherit_errexit"),
        ("4.3", "names[-1]=x"),
        ("4.3", "names[-2]+=x"),
        ("4.3", "unset 'names[-1]'"),
        ("4.3", "echo ${#names[-1]}"),
        ("4.3", "[[ -v names[0] ]]"),
        ("4.3", "if test -v 'names[x]'; then"),
        ("4.3", "printf '%(%s)T'"),
        ("4.3", "now=$(printf \"%(%s)T\\n\")"),
        ("4.3", "printf -v now '%(%s)T'; x"),
        ("4.3", "echo \"${x//a/\"b\"}\""),
        ("5.3", "x=${ echo; }"),
        ("4.4", "for name in \"${names[@]}\"; do"),
        ("4.4", "echo \"${names[*]}\""),
        ("4.4", "echo ${names[@]:1}"),
        ("4.4", "${names[@]+\"${names[@]}\"} \"${names[@]}\""),
    ];
    for (since, line) in bad {
        let found = findings(line, true, &BTreeSet::new());
        assert!(
            found.iter().any(|(version, _)| *version == since),
            "{line}: {found:?}"
        );
    }
    let good = [
        "x=${x^^} y=${x,,} z=${x:0:-1}",
        "echo ${names[-1]} \"${#names[@]}\" \"${!names[@]}\" \"$@\" \"${@:2}\" \"${*:-x}\"",
        "exec {fd}>/dev/null; coproc watcher { cat; }; declare -g x; declare -A map=([a]=1)",
        "printf -v now '%(%s)T' -1; printf '%(%Y)T' \"${1:--1}\"",
        "printf -v \"names[0]\" %s x; printf -v names[0] %s x",
        "[[ -v x ]] && read -r -N 1 -d '' -t 1 -u 6 y; mapfile -t lines",
        "for name in ${names[@]+\"${names[@]}\"}; do echo \"${names[@]-}\"; done",
        "wait \"$pid\" 2>/dev/null; kill -n 9 1; local x=-n; export -n x; grep -n x",
        "# wait -n",
        "await -n; fleet_local -n; echo $MY_EPOCHSECONDS ${x/a/b} user@Q",
    ];
    for line in good {
        let found = findings(line, true, &BTreeSet::new());
        assert_eq!(found, [], "{line}");
    }
    let arrays = "a=(x \"$y\")\nb=()\nc=(1)\nc=($(ls))\nlocal d=('x')\ne=(\"$x\")\n";
    let full: Vec<_> = never_empty(arrays).into_iter().collect();
    assert_eq!(full, ["a", "d"]);
    assert_eq!(
        findings("\"${a[@]}\" \"${b[@]}\"", false, &BTreeSet::new()),
        []
    );
    assert_eq!(
        judge("x.sh", "a=(1)\necho \"${a[@]}\"\n  wait -n\n", true),
        ["x.sh:3: wait -n: not before bash 4.3: wait -n"]
    );
}
