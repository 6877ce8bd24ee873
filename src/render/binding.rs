//! The names that values are bound to.

use std::ops::Range;
use std::sync::Arc;

use crate::model::diagnostic::Diagnostic;

use super::codes;
use super::tag::Form;

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

/// Whether a text is a name of bash.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}

/// Reports the name at a place if it is taken.
pub(super) fn reserved(file: &Arc<str>, source: &str, name: Range<usize>) -> Option<Diagnostic> {
    let text = &source[name.clone()];
    let is_reserved = text == "_"
        || RESERVED.contains(&text)
        || RESERVED_PREFIXES
            .iter()
            .any(|prefix| text.starts_with(prefix));
    is_reserved.then(|| {
        Diagnostic::error(
            codes::BINDING_NAME,
            file,
            name,
            format!("`{text}` is a name that bash or fleet gives a meaning"),
        )
        .help(format!(
            "bind the value to a name in lower case, such as `{}`",
            match text.to_ascii_lowercase().trim_start_matches('_') {
                "" => "value",
                lower => lower,
            }
        ))
    })
}

/// The name in the beginning of a line that was meant as a binding: `export name="…`.
pub(super) fn attempted_name(line: &str) -> Option<&str> {
    let (left, _) = line.split_once('=')?;
    let name = left.split_whitespace().next_back()?;
    let is_assignment = left.split_whitespace().rev().skip(1).all(|word| {
        matches!(
            word,
            "export" | "readonly" | "declare" | "local" | "typeset"
        ) || word.starts_with('-')
    });
    (is_assignment && is_name(name)).then_some(name)
}

/// The help for a value that is not in a binding.
pub(super) fn help(name: &str, path: &str, form: Form) -> String {
    let (value, usage) = match form {
        Form::List => (format!("{{{{list {path}}}}}"), format!("${{{name}[@]}}")),
        Form::Plain | Form::Json => (format!("{{{{{path}}}}}"), format!("${name}")),
    };
    format!(
        "write `{name}={value}` in the head of the script, alone on its line and without quotes, and use \"{usage}\" below it"
    )
}
