//! Syntax errors of rendered scripts, found before any host sees them.
//!
//! Values are quoted literals in a script's head and cannot break it, so scripts that differ only
//! in their bindings are read once: a thousand alike hosts cost one run of bash per phase.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::host::syntax::{Checker, SyntaxCheck, SyntaxProblem, check};
use crate::model::bundle::Bundle;
use crate::model::desired::{Assignment, Environment, Host};
use crate::model::diagnostic::Diagnostic;
use crate::model::id::{Digest, ServiceName};
use crate::model::source::Tree;
use crate::render::Templates;

const SYNTAX: &str = "F330";
const POWERSHELL_SYNTAX: &str = "F331";
const NO_BASH: &str = "W330";
const PERHAPS: &str = "W331";
const NEWER: &str = "W333";

#[cfg(test)]
/// Every code of this check with its meaning.
pub(crate) const CODES: &[(&str, &str)] = &[
    (SYNTAX, "a script that bash does not understand"),
    (
        POWERSHELL_SYNTAX,
        "a script that PowerShell does not understand",
    ),
    (
        NO_BASH,
        "scripts that were not checked, because there is no bash here",
    ),
    (
        PERHAPS,
        "a script that PowerShell probably does not understand",
    ),
    (
        NEWER,
        "an operator that Windows PowerShell 5.1 does not have",
    ),
];

/// Everything that is said of an environment's scripts, and who was asked.
#[derive(Debug, Default)]
pub(crate) struct Syntax {
    seen: BTreeSet<(Arc<str>, Digest)>,
    /// What it says.
    pub(crate) diagnostics: Vec<Diagnostic>,
    checked_by: BTreeSet<Checker>,
    no_bash: bool,
}

impl Syntax {
    /// Who checked; nobody where there are no scripts, or nothing that reads them.
    pub(crate) fn checked_by(&self) -> Vec<&'static str> {
        self.checked_by.iter().map(|one| one.as_str()).collect()
    }

    /// Checks every service on every host of an environment.
    pub(crate) fn environment(
        &mut self,
        tree: &Tree,
        templates: &Templates,
        environment: &Environment,
    ) {
        for host in environment.hosts.values() {
            for (service, assignment) in environment.assignments(host) {
                self.service(tree, templates, environment, host, service, assignment);
            }
        }
    }

    /// Checks one service on one host.
    pub(crate) fn service(
        &mut self,
        tree: &Tree,
        templates: &Templates,
        environment: &Environment,
        host: &Host,
        service: &ServiceName,
        assignment: &Assignment,
    ) {
        // A template that cannot be rendered has its own diagnostics.
        let Ok(mut bundle) = templates.bundle(&environment.name, host, service, assignment) else {
            return;
        };
        let file_of = |phase: &str| -> Arc<str> {
            format!("templates/{}/{phase}.hbs", assignment.template).into()
        };
        let kept: BTreeMap<_, _> = std::mem::take(&mut bundle.files)
            .into_iter()
            .filter(|(path, bytes)| {
                !path.contains('/') && self.seen.insert((file_of(path), shape(bytes)))
            })
            .collect();
        if kept.is_empty() {
            return;
        }
        let bundle = Bundle {
            files: kept,
            ..bundle
        };
        match check(&bundle, host.platform) {
            SyntaxCheck::Checked(by, problems) => {
                self.checked_by.insert(by);
                let place = format!("{}/{}", environment.name, host.name);
                self.diagnostics.extend(problems.iter().map(|problem| {
                    diagnostic(by, tree, &bundle, problem, &file_of(&problem.file), &place)
                }));
            }
            SyntaxCheck::NoBash(why) if !self.no_bash => {
                self.no_bash = true;
                let message = format!("scripts were not checked for syntax errors: {why}");
                self.diagnostics.push(
                    Diagnostic::warning(NO_BASH, &"templates".into(), 0..0, message)
                        .help("install bash"),
                );
            }
            SyntaxCheck::NoBash(_) => {}
        }
    }
}

/// A script without its bindings.
fn shape(script: &[u8]) -> Digest {
    let text = String::from_utf8_lossy(script);
    let is_binding = |line: &&str| {
        let Some((name, value)) = line.split_once('=') else {
            return false;
        };
        // In PowerShell any statement may look like that, so the literal is looked at as well.
        let name = match name.trim().strip_prefix('$') {
            Some(bare) => Some(bare).filter(|_| is_literal(value.trim())),
            None => Some(name),
        };
        name.is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
        })
    };
    let rest: Vec<&str> = text.lines().filter(|line| !is_binding(line)).collect();
    Digest::of(rest.join("\n"))
}

/// Whether a text begins and ends as a string or an array of PowerShell does.
fn is_literal(text: &str) -> bool {
    let inner = text
        .strip_prefix("@(")
        .and_then(|text| text.strip_suffix(')'));
    let inner = inner.unwrap_or(text);
    inner.is_empty() || (inner.len() > 1 && inner.starts_with('\'') && inner.ends_with('\''))
}

/// At the line of the template that the script's line comes from, where there is just one like it.
fn diagnostic(
    by: Checker,
    tree: &Tree,
    bundle: &Bundle,
    problem: &SyntaxProblem,
    file: &Arc<str>,
    place: &str,
) -> Diagnostic {
    let source = tree
        .file(file)
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .unwrap_or_default();
    let script = bundle
        .files
        .get(&problem.file)
        .map(|bytes| String::from_utf8_lossy(bytes))
        .unwrap_or_default();
    let line = problem
        .line
        .and_then(|number| script.lines().nth(number.saturating_sub(1)));
    let span = line.and_then(|line| {
        let mut alike = spans(&source).filter(|span| &source[span.clone()] == line);
        alike
            .next()
            .filter(|_| alike.next().is_none() && !line.is_empty())
    });
    let number = problem
        .line
        .map(|number| format!(" line {number}:"))
        .unwrap_or_default();
    let message = format!("{} for {place}:{number} {}", problem.file, problem.message);
    let span = span.unwrap_or(0..0);
    if problem.is_newer {
        return Diagnostic::warning(NEWER, file, span, message)
            .help("SSM starts Windows PowerShell: write it with if and else");
    }
    match by {
        Checker::Bash => Diagnostic::error(SYNTAX, file, span, message),
        Checker::PowerShell => Diagnostic::error(POWERSHELL_SYNTAX, file, span, message),
        Checker::TreeSitter => Diagnostic::warning(PERHAPS, file, span, message).help(
            "there is no PowerShell here, and a grammar of its language has read this: it may be mistaken",
        ),
    }
}

/// The places of a text's lines, without their ends.
fn spans(text: &str) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        start..start + line.trim_end_matches('\n').len()
    })
}
