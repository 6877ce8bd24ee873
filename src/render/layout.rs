//! What each file below `templates/` is. Nothing is ignored.

use std::sync::Arc;

use crate::model::bundle::Phase;
use crate::model::desired::Platform;
use crate::model::diagnostic::Diagnostic;
use crate::model::id::{NameProblem, check_name};

use super::codes;
use super::suggest::nearest;

/// The folder that all of this is about.
pub(super) const FOLDER: &str = "templates/";

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// `partials/<name>.<sh|ps1>`
    Partial(&'a str, Platform),
    /// `<template>/<phase>.<sh|ps1>.hbs`
    Phase(&'a str, Phase, Platform),
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
                "a template is templates/<template>/<phase>.sh.hbs (.ps1.hbs on Windows) and files/<name>[.hbs]; shared functions stand in templates/partials/<name>.sh (.ps1)",
            )),
        }
    }

    /// The template it belongs to; a partial belongs to none.
    pub(super) const fn template(self) -> Option<&'a str> {
        match self {
            Self::Partial(..) => None,
            Self::Phase(template, ..)
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

fn bad_name(path: &Arc<str>, name: &str, what: &str) -> Box<Diagnostic> {
    refused(
        codes::FILE_NAME,
        path,
        format!("`{name}` is not a name for a {what}"),
        "use lower-case letters, digits and . _ -, at most 63",
    )
}

/// Takes the ending of a script off, and says whose it is.
fn script(name: &str) -> Option<(&str, Platform)> {
    Platform::ALL.into_iter().find_map(|platform| {
        let stem = name.strip_suffix(platform.extension())?.strip_suffix('.')?;
        Some((stem, platform))
    })
}

fn partial<'a>(path: &Arc<str>, name: &'a str) -> Result<Place<'a>, Box<Diagnostic>> {
    match script(name) {
        Some((stem, platform)) if check_name(stem).is_ok() => Ok(Place::Partial(stem, platform)),
        Some(_) => Err(bad_name(path, name, "partial")),
        None => Err(stray(
            path,
            &format!("`{name}` is not a partial"),
            "a partial is templates/partials/<name>.sh or <name>.ps1; it has no values in it",
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
    let phases = Phase::ALL.map(Phase::as_str);
    match name.strip_suffix(".hbs").and_then(script) {
        Some((word, platform)) => {
            match Phase::ALL.into_iter().find(|phase| phase.as_str() == word) {
                Some(phase) => Ok(Place::Phase(template, phase, platform)),
                None => Err(stray(
                    path,
                    &format!("there is no phase `{word}`"),
                    &match nearest(word, phases.into_iter()) {
                        Some(near) => {
                            format!("did you mean `{near}.{}.hbs`?", platform.extension())
                        }
                        None => format!("the phases are {}", phases.join(", ")),
                    },
                )),
            }
        }
        None => Err(stray(
            path,
            &format!("`{name}` is no phase of a template"),
            &match nearest(name.split('.').next().unwrap_or(name), phases.into_iter()) {
                Some(near) => {
                    let platform = script(name).map_or(Platform::Linux, |(_, platform)| platform);
                    format!("did you mean `{near}.{}.hbs`?", platform.extension())
                }
                None => "scripts are named <phase>.sh.hbs or <phase>.ps1.hbs; what should travel to the host stands in files/".to_owned(),
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
            format!(
                "`{}` is not a name for a file on a host",
                name.escape_debug()
            ),
            "use letters, digits and . _ - @, not starting with -",
        ));
    }
    // Windows opens a device instead of `aux.conf`, and drops a point at the end of a name.
    let stem = target.split('.').next().unwrap_or(target);
    let is_device = check_name(&stem.to_ascii_lowercase()) == Err(NameProblem::Device);
    if is_device || target.ends_with('.') {
        return Err(refused(
            codes::FILE_NAME,
            path,
            format!("`{name}` is not a name for a file on Windows"),
            "choose another name: neither a device such as con, nul and aux, nor with a point at its end",
        ));
    }
    Ok(if target.len() < name.len() {
        Place::DataTemplate(template, target)
    } else {
        Place::Copy(template, target)
    })
}
