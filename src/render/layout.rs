//! What each file below `templates/` is. Nothing is ignored.

use std::sync::Arc;

use crate::model::bundle::Phase;
use crate::model::diagnostic::Diagnostic;
use crate::model::id::check_name;

use super::codes;
use super::suggest::nearest;

/// The folder that all of this is about.
pub(super) const FOLDER: &str = "templates/";

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
    pub(super) fn of(path: &'a Arc<str>) -> Result<Self, Box<Diagnostic>> {
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

fn refused(
    code: &'static str,
    path: &Arc<str>,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(code, path, 0..0, message).help(help))
}

fn stray(path: &Arc<str>, message: &str, help: &str) -> Box<Diagnostic> {
    refused(codes::STRAY_FILE, path, message, help)
}

fn windows(path: &Arc<str>) -> Box<Diagnostic> {
    refused(
        codes::NOT_IN_THIS_VERSION,
        path,
        "PowerShell is not in this version of fleet",
        "keep the file on a branch until it is; hosts of this version run bash",
    )
}

fn bad_name(path: &Arc<str>, name: &str, what: &str) -> Box<Diagnostic> {
    refused(
        codes::FILE_NAME,
        path,
        format!("`{name}` is not a name for a {what}"),
        "use lower-case letters, digits and . _ -, at most 63",
    )
}

fn partial<'a>(path: &Arc<str>, name: &'a str) -> Result<Place<'a>, Box<Diagnostic>> {
    if name.ends_with(".ps1") {
        return Err(windows(path));
    }
    match name.strip_suffix(".sh") {
        Some(stem) if check_name(stem).is_ok() => Ok(Place::Partial(stem)),
        Some(_) => Err(bad_name(path, name, "partial")),
        None => Err(stray(
            path,
            &format!("`{name}` is not a partial"),
            "a partial is templates/partials/<name>.sh; it has no values in it",
        )),
    }
}

fn phase<'a>(
    path: &Arc<str>,
    template: &'a str,
    name: &'a str,
) -> Result<Place<'a>, Box<Diagnostic>> {
    if check_name(template).is_err() {
        return Err(bad_name(path, template, "template"));
    }
    if name.ends_with(".ps1.hbs") || name.ends_with(".ps1") {
        return Err(windows(path));
    }
    let phases = Phase::ALL.map(Phase::as_str);
    let stem = name.split('.').next().unwrap_or(name);
    match name.strip_suffix(".sh.hbs") {
        Some("remove") => Err(refused(
            codes::NOT_IN_THIS_VERSION,
            path,
            "the phase `remove` is not in this version of fleet",
            "nothing would run it; keep it on a branch until it is",
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

fn file<'a>(
    path: &Arc<str>,
    template: &'a str,
    name: &'a str,
) -> Result<Place<'a>, Box<Diagnostic>> {
    let target = name.strip_suffix(".hbs").unwrap_or(name);
    let is_plain = target
        .bytes()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-' | b'@'));
    if !is_plain || target.is_empty() || target.starts_with('-') || matches!(target, "." | "..") {
        return Err(refused(
            codes::FILE_NAME,
            path,
            format!("`{name}` is not a name for a file on a host"),
            "use letters, digits and . _ - @, not starting with -",
        ));
    }
    Ok(if target.len() < name.len() {
        Place::DataTemplate(template, target)
    } else {
        Place::Copy(template, target)
    })
}
