//! The values that a template names against those that a host has.

use std::sync::Arc;

use crate::model::diagnostic::Diagnostic;

use super::codes;
use super::context::{Found, Subject};
use super::path::Path;
use super::program::{Need, Program, Use};
use super::quote::refused_character;
use super::suggest::nearest;

/// A use of a value that cannot be.
pub(super) struct Problem<'p> {
    /// Where.
    pub(super) place: &'p Use,
    path: &'p Path,
    fault: Fault,
}

/// Why it cannot be.
#[derive(Clone, Copy)]
enum Fault {
    Missing,
    ListForText,
    TextForList,
    NotBoolean,
    Control(char),
}

impl Program {
    /// Every use that fails for this subject, in any branch.
    pub(super) fn problems<'p>(
        &'p self,
        subject: &'p Subject<'_>,
    ) -> impl Iterator<Item = Problem<'p>> {
        self.uses.iter().filter_map(move |place| {
            let path = &self.slots[place.slot];
            fault(subject.find(path), place.need).map(|fault| Problem { place, path, fault })
        })
    }
}

fn fault(found: Option<Found<'_>>, need: Need) -> Option<Fault> {
    let Some(found) = found else {
        return Some(Fault::Missing);
    };
    let shape = match (found, need) {
        (Found::List(_), Need::Text | Need::Boolean) => Some(Fault::ListForText),
        (Found::Text(_), Need::List) => Some(Fault::TextForList),
        (Found::Text(text), Need::Boolean) if !matches!(text, "true" | "false") => {
            Some(Fault::NotBoolean)
        }
        _ => None,
    };
    shape.or_else(|| {
        found
            .texts()
            .find_map(refused_character)
            .map(Fault::Control)
    })
}

impl Problem<'_> {
    /// The code of its diagnostic.
    pub(super) const fn code(&self) -> &'static str {
        match self.fault {
            Fault::Missing => codes::MISSING_VALUE,
            Fault::ListForText | Fault::TextForList => codes::WRONG_SHAPE,
            Fault::NotBoolean => codes::NOT_BOOLEAN,
            Fault::Control(_) => codes::CONTROL_CHARACTER,
        }
    }

    /// In words; `others` more hosts of the environment have the same problem.
    pub(super) fn diagnostic(
        &self,
        file: &Arc<str>,
        subject: &Subject<'_>,
        others: usize,
    ) -> Diagnostic {
        let path = self.path;
        let name = path.binding_name();
        let mut on = format!(
            "for {} on {} in {}",
            subject.service, subject.host.name, subject.environment
        );
        match others {
            0 => {}
            1 => on.push_str(" and 1 other host"),
            n => on.push_str(&format!(" and {n} other hosts")),
        }
        let (message, help) = match self.fault {
            Fault::Missing => (
                format!("`{path}` is not defined {on}"),
                self.missing_help(subject),
            ),
            Fault::ListForText => (
                format!("`{path}` is a list {on}"),
                match self.place.need {
                    Need::Boolean => "if and unless take the text true or false".to_owned(),
                    _ if file.contains("/files/") => format!("write {{{{json {path}}}}}"),
                    _ => format!(
                        "bind it as `{name}={{{{list {path}}}}}` and use \"${{{name}[@]}}\""
                    ),
                },
            ),
            Fault::TextForList => (
                format!("`{path}` is one text and no list {on}"),
                format!("bind it as `{name}={{{{{path}}}}}`, or write its value as [a list]"),
            ),
            Fault::NotBoolean => (
                format!("`{path}` is neither true nor false {on}"),
                format!("compare it: (eq {path} \"text\")"),
            ),
            Fault::Control(c) => (
                format!(
                    "`{path}` has the control character U+{:04X} {on}",
                    u32::from(c)
                ),
                "take it out: values have no control characters but tab and newline".to_owned(),
            ),
        };
        Diagnostic::error(self.code(), file, self.place.span.clone(), message).help(help)
    }

    fn missing_help(&self, subject: &Subject<'_>) -> String {
        let (key, near) = match self.path {
            Path::Variable(key) | Path::Label(key) => {
                (key, nearest(key, subject.siblings(self.path).into_iter()))
            }
            _ => return "define it".to_owned(),
        };
        match (self.path, near) {
            (Path::Variable(_), Some(near)) => {
                format!("did you mean `{}`?", Path::Variable(near.into()))
            }
            (Path::Variable(_), None) => format!(
                "set `{key}` in the variables of the service in fleet.yaml, of the environment or of the host"
            ),
            (_, Some(near)) => format!("did you mean `{}`?", Path::Label(near.into())),
            (_, None) => format!("give every host that runs this service a label `{key}`"),
        }
    }
}
