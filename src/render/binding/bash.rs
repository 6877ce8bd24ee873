//! Names of bash.

/// Names that bash or the loader of programs gives a meaning: some of their values they run,
/// others change how everything after them works.
const RESERVED: [&str; 27] = [
    "CDPATH",
    "COLUMNS",
    "DIRSTACK",
    "ENV",
    "EUID",
    "FUNCNAME",
    "GLOBIGNORE",
    "GROUPS",
    "HOME",
    "IFS",
    "LINENO",
    "LINES",
    "OLDPWD",
    "OPTARG",
    "OPTIND",
    "PATH",
    "POSIXLY_CORRECT",
    "PPID",
    "PROMPT_COMMAND",
    "PS0",
    "PS1",
    "PS3",
    "PS4",
    "PWD",
    "SHELLOPTS",
    "TMPDIR",
    "UID",
];
const RESERVED_PREFIXES: [&str; 3] = ["BASH", "FLEET_", "LD_"];

/// Whether a name is taken.
pub(super) fn is_reserved(name: &str) -> bool {
    name == "_"
        || RESERVED.contains(&name)
        || RESERVED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// A name that can be bound instead of a reserved one: those are all in upper case.
pub(super) fn other_name(name: &str) -> String {
    match name.to_ascii_lowercase().trim_start_matches('_') {
        "" => "value".to_owned(),
        lower => lower.to_owned(),
    }
}

/// The name in what stands before the `=` of a line that was meant as a binding: `export name`.
pub(super) fn attempted_name(left: &str) -> Option<&str> {
    let name = left.split_whitespace().next_back()?;
    let is_assignment = left.split_whitespace().rev().skip(1).all(|word| {
        matches!(
            word,
            "export" | "readonly" | "declare" | "local" | "typeset"
        ) || word.starts_with('-')
    });
    is_assignment.then_some(name)
}
