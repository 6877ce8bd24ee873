//! The bindings of values to names, and the names.

mod bash;
mod powershell;

use std::ops::Range;
use std::sync::Arc;

use crate::model::desired::Platform;
use crate::model::diagnostic::Diagnostic;

use super::codes;
use super::path::Path;
use super::tag::Form;

/// Whether a text is a name of bash; in PowerShell such a name needs no braces.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}

/// Reports the name at a place if it is taken.
pub(super) fn reserved(
    platform: Platform,
    file: &Arc<str>,
    source: &str,
    name: Range<usize>,
) -> Option<Diagnostic> {
    let text = &source[name.clone()];
    if !is_reserved(platform, text) {
        return None;
    }
    let (shown, shell, help) = match platform {
        Platform::Linux => (
            text.to_owned(),
            "bash",
            format!("a name in lower case, such as `{}`", bash::other_name(text)),
        ),
        Platform::Windows => (
            format!("${text}"),
            "PowerShell",
            format!("another name, such as `${}`", powershell::other_name(text)),
        ),
    };
    let message = format!("`{shown}` is a name that {shell} or fleet gives a meaning");
    let error = Diagnostic::error(codes::BINDING_NAME, file, name, message);
    Some(error.help(format!("bind the value to {help}")))
}

fn is_reserved(platform: Platform, name: &str) -> bool {
    match platform {
        Platform::Linux => bash::is_reserved(name),
        Platform::Windows => powershell::is_reserved(name),
    }
}

/// The name in the beginning of a line that was meant as a binding: `export name="…`.
pub(super) fn attempted_name(platform: Platform, line: &str) -> Option<&str> {
    let (left, _) = line.split_once('=')?;
    let name = match platform {
        Platform::Linux => bash::attempted_name(left),
        Platform::Windows => powershell::attempted_name(left.trim_end_matches(['+', '-'])),
    };
    name.filter(|name| is_name(name))
}

/// The name that a binding for a value would naturally have.
pub(super) fn name_of(platform: Platform, path: &Path) -> String {
    let name = path.binding_name();
    if platform == Platform::Windows && powershell::is_reserved(&name) {
        return powershell::other_name(&name);
    }
    name
}

/// The line that binds a value.
pub(super) fn line(platform: Platform, name: &str, path: &str, form: Form) -> String {
    let value = match form {
        Form::List => format!("{{{{list {path}}}}}"),
        Form::Plain | Form::Json => format!("{{{{{path}}}}}"),
    };
    match platform {
        Platform::Linux => format!("{name}={value}"),
        Platform::Windows => format!("${name} = {value}"),
    }
}

/// How a script uses what is bound. Before bash 4.4 an empty array is unset, which `set -u` forbids.
pub(super) fn usage(platform: Platform, name: &str, form: Form) -> String {
    match (platform, form) {
        (Platform::Linux, Form::List) => format!("${{{name}[@]+\"${{{name}[@]}}\"}}"),
        (Platform::Linux, Form::Plain | Form::Json) => format!("\"${name}\""),
        (Platform::Windows, _) => format!("${name}"),
    }
}

/// The help for a value that is not in a binding.
pub(super) fn help(platform: Platform, name: &str, path: &str, form: Form) -> String {
    format!(
        "write `{}` in the head of the script, alone on its line and without quotes, and use {} below it",
        line(platform, name, path, form),
        usage(platform, name, form)
    )
}
