//! Which files of the tree are manifests, and their text.

use std::sync::Arc;

use super::codes;
use super::decode::name_problem;
use super::problems::{Problems, shown};
use crate::model::diagnostic::Diagnostic;
use crate::model::id::{EnvironmentName, check_environment_name};
use crate::model::source::{Entry, Tree};

pub(super) const FLEET: &str = "fleet.yaml";
/// The templates' folder.
pub(super) const TEMPLATES: &str = "templates";
const FOLDER: &str = "environments";
const INSIDE: &str = "environments/";

/// The text of `fleet.yaml`.
pub(super) fn fleet_text<'t>(tree: &'t Tree, problems: &mut Problems) -> Option<&'t str> {
    match tree.entries.get(FLEET) {
        Some(entry) => text(entry, problems),
        None => {
            let help = if tree.entries.contains_key("fleet.yml") {
                "rename fleet.yml to fleet.yaml"
            } else {
                "`fleet init` makes a fleet repository; `--repo DIR` names one elsewhere"
            };
            problems.report(
                codes::NO_FLEET_FILE,
                &(0..0),
                "there is no fleet.yaml in the repository's root",
                help,
            );
            None
        }
    }
}

/// What is wrong with `templates` itself; what is in it belongs to the renderer.
pub(super) fn template_folder(tree: &Tree) -> Vec<Diagnostic> {
    // It is an entry only where it is something else than a folder.
    let Some((path, entry)) = tree.entries.get_key_value(TEMPLATES) else {
        return Vec::new();
    };
    let mut problems = Problems::new(path);
    match entry {
        Entry::File(_) | Entry::TooLarge(_) => problems.report(
            codes::NOT_A_FOLDER,
            &(0..0),
            "`templates` is a file",
            "it is the folder with a folder for each template",
        ),
        Entry::Link(_) | Entry::Other => {
            text(entry, &mut problems);
        }
    }
    problems.into_diagnostics()
}

/// A file that is meant to be an environment.
pub(super) struct EnvironmentSource<'t> {
    /// None for what is no environment and stands where they belong.
    pub(super) name: Option<EnvironmentName>,
    pub(super) path: Arc<str>,
    /// None if it could not be read, for a reason among the problems.
    pub(super) text: Option<&'t str>,
    pub(super) problems: Problems,
}

/// Every file below `environments/` that is an environment or was meant to be one. Other files,
/// such as a README, are nobody's business.
pub(super) fn environments(tree: &Tree) -> Vec<EnvironmentSource<'_>> {
    // The folder itself is an entry only where it is something else than a folder.
    let folder = tree.entries.get_key_value(FOLDER);
    folder
        .into_iter()
        .chain(tree.below(INSIDE))
        .filter_map(|(path, entry)| environment(path, entry))
        .collect()
}

fn environment<'t>(path: &Arc<str>, entry: &'t Entry) -> Option<EnvironmentSource<'t>> {
    let inside = path.strip_prefix(INSIDE).unwrap_or_default();
    let file = inside.rsplit('/').next().unwrap_or_default();
    let (stem, extension) = file.rsplit_once('.').unwrap_or((file, ""));
    let is_environment =
        !stem.is_empty() && ["yaml", "yml"].contains(&extension.to_ascii_lowercase().as_str());
    let is_file = matches!(entry, Entry::File(_));
    // Anything else than a file may hide environments behind it.
    if is_file && !is_environment {
        return None;
    }
    let mut problems = Problems::new(path);
    let mut text = text(entry, &mut problems);
    if is_file && inside != file {
        problems.report(
            codes::MISPLACED_FILE,
            &(0..0),
            "an environment's file in a folder of its own is not read",
            format!("move it to {INSIDE}{file}"),
        );
        text = None;
    } else if is_environment && extension != "yaml" {
        problems.report(
            codes::EXTENSION,
            &(0..0),
            format!(
                "the extension {} is not that of an environment's file",
                shown(extension)
            ),
            format!("rename it to {INSIDE}{stem}.yaml"),
        );
        text = None;
    } else if is_environment && let Err(problem) = check_environment_name(stem) {
        name_problem(stem, &problem, &(0..0), &mut problems);
    }
    Some(EnvironmentSource {
        name: is_environment.then(|| EnvironmentName::new(stem)),
        path: Arc::clone(path),
        text,
        problems,
    })
}

fn text<'t>(entry: &'t Entry, problems: &mut Problems) -> Option<&'t str> {
    let (code, message, help) = match entry {
        Entry::File(bytes) => return utf8(bytes, problems),
        Entry::Link(target) => (
            codes::LINK,
            format!("a symbolic link to {} is not followed", shown(target)),
            "put the file itself here: no path leaves the repository".to_owned(),
        ),
        Entry::TooLarge(size) => (
            codes::TOO_LARGE,
            format!("the file has {size} bytes"),
            format!("at most {} are read", Tree::LARGEST_FILE),
        ),
        Entry::Other => (
            codes::NOT_A_FILE,
            "this is not a regular file".to_owned(),
            "put the file itself here: submodules, pipes, sockets and devices are not read"
                .to_owned(),
        ),
    };
    problems.report(code, &(0..0), message, help);
    None
}

fn utf8<'t>(bytes: &'t [u8], problems: &mut Problems) -> Option<&'t str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let at = error.valid_up_to();
            let help = match bytes {
                [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "it looks like UTF-16: save it as UTF-8",
                _ => "save it as UTF-8",
            };
            problems.report(
                codes::ENCODING,
                &(at..at),
                format!("byte {at} of the file is not UTF-8"),
                help,
            );
            None
        }
    }
}
