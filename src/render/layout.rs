//! What each file below `templates/` is. Nothing is ignored.

use std::sync::Arc;

use crate::model::bundle::Phase;
use crate::model::diagnostic::Diagnostic;
use crate::model::id::check_name;
use crate::model::source::Entry;

use super::codes;
use super::suggest::nearest;

/// The folder that all of this is about.
pub(super) const FOLDER: &str = "templates/";

/// Larger templates are refused: a command carries 48 KB, packed.
const LARGEST: usize = 256 * 1024;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// `partials/<name>.sh`
    Partial(&'a str),
    /// `<template>/<phase>.sh.hbs`
    Phase(&'a str, Phase),
    /// `<template>/files/<name>.hbs`, the ending taken off.
    DataTemplate(&'a str, &'a str),
    /// `<template>/files/<name>`
    Copy(&'a str, &'a str),
}

impl<'a> Place<'a> {
    /// Says what the file at `path` is.
    pub(super) fn of(path: &'a Arc<str>) -> Result<Self, Diagnostic> {
        let inside = path.strip_prefix(FOLDER).unwrap_or(path);
        let parts: Vec<&str> = inside.split('/').collect();
        match *parts.as_slice() {
            ["partials", name] => partial(path, name),
            [template, name] => phase(path, template, name),
            [template, "files", name] => file(path, template, name),
            [_, "files", ..] => Err(stray(
                path,
                "folders below files/ are not copied",
                "put the file straight into files/ and let deploy place it",
            )),
            _ => Err(stray(
                path,
                "this file is no part of a template",
                "a template is templates/<template>/<phase>.sh.hbs and files/<name>[.hbs]; shared functions stand in templates/partials/<name>.sh",
            )),
        }
    }

    /// The template it belongs to; a partial belongs to none.
    pub(super) const fn template(self) -> Option<&'a str> {
        match self {
            Self::Partial(_) => None,
            Self::Phase(template, _)
            | Self::DataTemplate(template, _)
            | Self::Copy(template, _) => Some(template),
        }
    }
}

fn stray(path: &Arc<str>, message: &str, help: &str) -> Diagnostic {
    Diagnostic::error(codes::STRAY_FILE, path, 0..0, message).help(help)
}

fn partial<'a>(path: &Arc<str>, name: &'a str) -> Result<Place<'a>, Diagnostic> {
    if name.ends_with(".ps1") {
        return Err(windows(path));
    }
    match name.strip_suffix(".sh") {
        Some(stem) if check_name(stem).is_ok() => Ok(Place::Partial(stem)),
        Some(_) => Err(Diagnostic::error(
            codes::FILE_NAME,
            path,
            0..0,
            format!("`{name}` is not a name for a partial"),
        )
        .help("use lower-case letters, digits and . _ -")),
        None => Err(stray(
            path,
            &format!("`{name}` is not a partial"),
            "a partial is templates/partials/<name>.sh; it has no values in it",
        )),
    }
}

fn windows(path: &Arc<str>) -> Diagnostic {
    Diagnostic::error(
        codes::NOT_IN_THIS_VERSION,
        path,
        0..0,
        "PowerShell is not in this version of fleet",
    )
}

fn phase<'a>(path: &Arc<str>, template: &'a str, name: &'a str) -> Result<Place<'a>, Diagnostic> {
    if check_name(template).is_err() {
        return Err(Diagnostic::error(
            codes::FILE_NAME,
            path,
            0..0,
            format!("`{template}` is not a name for a template"),
        )
        .help("use lower-case letters, digits and . _ -"));
    }
    if name.ends_with(".ps1.hbs") || name.ends_with(".ps1") {
        return Err(windows(path));
    }
    let phases = Phase::ALL.map(Phase::as_str);
    let stem = name.split('.').next().unwrap_or(name);
    match name.strip_suffix(".sh.hbs") {
        Some("remove") => Err(Diagnostic::error(
            codes::NOT_IN_THIS_VERSION,
            path,
            0..0,
            "the phase `remove` is not in this version of fleet",
        )),
        Some(word) => match Phase::ALL.into_iter().find(|phase| phase.as_str() == word) {
            Some(phase) => Ok(Place::Phase(template, phase)),
            None => Err(stray(
                path,
                &format!("there is no phase `{word}`"),
                &match nearest(word, phases.into_iter()) {
                    Some(near) => format!("did you mean `{near}.sh.hbs`?"),
                    None => format!("the phases are {}", phases.join(", ")),
                },
            )),
        },
        None => Err(stray(
            path,
            &format!("`{name}` is no phase of a template"),
            &match nearest(stem, phases.into_iter()) {
                Some(near) => format!("did you mean `{near}.sh.hbs`?"),
                None => "scripts are named <phase>.sh.hbs; what should travel to the host stands in files/".to_owned(),
            },
        )),
    }
}

fn file<'a>(path: &Arc<str>, template: &'a str, name: &'a str) -> Result<Place<'a>, Diagnostic> {
    let target = name.strip_suffix(".hbs").unwrap_or(name);
    let is_plain = target
        .bytes()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-' | b'@'));
    if !is_plain || target.is_empty() || target.starts_with('-') || matches!(target, "." | "..") {
        return Err(Diagnostic::error(
            codes::FILE_NAME,
            path,
            0..0,
            format!("`{name}` is not a name for a file on a host"),
        )
        .help("use letters, digits and . _ - @, not starting with -"));
    }
    Ok(if target.len() < name.len() {
        Place::DataTemplate(template, target)
    } else {
        Place::Copy(template, target)
    })
}

/// The bytes of an entry, if it is a regular file of reasonable size.
pub(super) fn bytes<'a>(path: &Arc<str>, entry: &'a Entry) -> Result<&'a Arc<[u8]>, Diagnostic> {
    let error = |message: String, help: &str| {
        Diagnostic::error(codes::NOT_A_FILE, path, 0..0, message).help(help)
    };
    let too_large = |size: u64| {
        error(
            format!("this file has {size} bytes, more than {LARGEST}"),
            "a command carries 48 KB, packed; let deploy download what is larger",
        )
    };
    match entry {
        Entry::File(bytes) if bytes.len() > LARGEST => Err(too_large(bytes.len() as u64)),
        Entry::File(bytes) => Ok(bytes),
        Entry::TooLarge(size) => Err(too_large(*size)),
        Entry::Link(target) => Err(error(
            format!("this is a link to `{target}`"),
            "put the file itself here: no path leaves the repository",
        )),
        Entry::Other => Err(error(
            "this is not a file".to_owned(),
            "a submodule is not read; put its files here",
        )),
    }
}

/// The text of a template; scripts are stricter than data.
pub(super) fn text<'a>(
    path: &Arc<str>,
    bytes: &'a [u8],
    is_script: bool,
) -> Result<&'a str, Diagnostic> {
    let error = |at: usize, message: &str, help: &str| {
        Diagnostic::error(codes::NOT_TEXT, path, at..at + 1, message).help(help)
    };
    let text = std::str::from_utf8(bytes).map_err(|problem| {
        error(
            problem.valid_up_to(),
            "this is not UTF-8",
            "save the file as UTF-8; what is not text stands in files/ without the ending .hbs",
        )
    })?;
    if !is_script {
        return Ok(text);
    }
    if text.starts_with('\u{feff}') {
        return Err(error(
            0,
            "a byte order mark",
            "save the file as UTF-8 without one",
        ));
    }
    if let Some(at) = text.find('\r') {
        return Err(error(
            at,
            "a carriage return: bash would take it as part of the line",
            "save the file with LF line endings",
        ));
    }
    if let Some(at) = text.find('\0') {
        return Err(error(at, "a NUL byte", "bash cannot read it; take it away"));
    }
    Ok(text)
}
