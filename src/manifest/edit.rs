//! Byte-exact changes of a manifest. Only the bytes of one value are replaced, so comments, layout
//! and line ends stay; the result is read again, and must differ in that value alone.

use super::decode::version_problem;
use super::problems::{Problems, Span};
use super::tree::{Document, Kind, Mapping, Style, Value, parse, reads_as};
use crate::model::diagnostic::{Severity, line_column};
use crate::model::id::ServiceName;

/// Why a version could not be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The new version cannot be one.
    #[error("version {version:?} {problem}")]
    Version {
        /// As given.
        version: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The file has errors of its own.
    #[error("line {line} of the file: {problem}")]
    Invalid {
        /// Of the first error.
        line: usize,
        /// The first error.
        problem: String,
    },
    /// The environment does not run the service.
    #[error("the file gives service `{service}` no version")]
    Missing {
        /// The service.
        service: ServiceName,
    },
    /// What stands there is no version.
    #[error("what line {line} gives service `{service}` is not a version on one line")]
    Shape {
        /// The service.
        service: ServiceName,
        /// Where.
        line: usize,
    },
    /// An alias brings the version here: the place to change is another one, and not alone.
    #[error(
        "service `{service}` has its version through the alias on line {line}, from line {source_line}"
    )]
    Alias {
        /// The service.
        service: ServiceName,
        /// Of the alias.
        line: usize,
        /// Of what it repeats.
        source_line: usize,
    },
    /// An alias elsewhere repeats the version, and would change with it.
    #[error(
        "the version of service `{service}` on line {line} is repeated by the alias on line {alias_line}"
    )]
    Shared {
        /// The service.
        service: ServiceName,
        /// Of the version.
        line: usize,
        /// Of the alias.
        alias_line: usize,
    },
}

/// Gives a service another version in the text of an environment's file. The quotes that stand
/// there stay; where there are none they are added if YAML would read the version as something
/// else than text.
///
/// # Errors
/// Where the file does not have exactly one place that says this version and nothing else.
pub fn set_version(text: &str, service: &ServiceName, version: &str) -> Result<String, EditError> {
    if let Some(problem) = version_problem(version) {
        return Err(EditError::Version {
            version: version.to_owned(),
            problem,
        });
    }
    let old = read(text)?;
    let place = Place { text, service };
    let value = place.find(&old)?;
    let span = value.span();
    let written = match value.kind() {
        Kind::Scalar(scalar) if !scalar.is_null() => match scalar.style {
            Style::Plain if is_plain(version) => version.to_owned(),
            Style::Plain | Style::DoubleQuoted => format!("\"{version}\""),
            Style::SingleQuoted => format!("'{version}'"),
            Style::Block => return Err(place.shape(span)),
        },
        _ => return Err(place.shape(span)),
    };
    let edited = [&text[..span.start], &written, &text[span.end..]].concat();
    place.verify(&old, &edited, span, version)?;
    Ok(edited)
}

/// Whether a version needs no quotes, in brackets and outside.
fn is_plain(version: &str) -> bool {
    reads_as(version).is_none() && !version.ends_with(':')
}

fn read(text: &str) -> Result<Document<'_>, EditError> {
    let mut problems = Problems::new(&"".into());
    let document = parse(text, &mut problems);
    let mut errors = problems.into_diagnostics().into_iter();
    let error = errors.find(|problem| problem.severity == Severity::Error);
    match (document, error) {
        (Some(document), None) => Ok(document),
        (_, error) => Err(EditError::Invalid {
            line: error.as_ref().map_or(1, |error| line(text, &error.span)),
            problem: error.map_or_else(String::new, |error| error.message),
        }),
    }
}

fn line(text: &str, span: &Span) -> usize {
    line_column(text, span.start).0
}

/// The version of one service in one text.
struct Place<'a> {
    text: &'a str,
    service: &'a ServiceName,
}

impl Place<'_> {
    fn find<'d, 't>(&self, document: &'d Document<'t>) -> Result<Value<'d, 't>, EditError> {
        let missing = || EditError::Missing {
            service: self.service.clone(),
        };
        let services = self
            .enter(document.root(), "services")?
            .ok_or_else(missing)?;
        let value = self
            .enter(services, self.service.as_str())?
            .ok_or_else(missing)?;
        match value.kind() {
            Kind::Mapping(_) => self.enter(value, "version")?.ok_or_else(missing),
            _ => Ok(value),
        }
    }

    /// The value of a key, which stands here itself.
    fn enter<'d, 't>(
        &self,
        value: Value<'d, 't>,
        key: &str,
    ) -> Result<Option<Value<'d, 't>>, EditError> {
        let Kind::Mapping(mapping) = value.kind() else {
            return Err(self.shape(value.span()));
        };
        let Some(entry) = mapping.get(key) else {
            return Ok(None);
        };
        match entry.value.aliased() {
            Some(source) => Err(EditError::Alias {
                service: self.service.clone(),
                line: line(self.text, entry.value.span()),
                source_line: line(self.text, source),
            }),
            None => Ok(Some(entry.value)),
        }
    }

    fn shape(&self, span: &Span) -> EditError {
        EditError::Shape {
            service: self.service.clone(),
            line: line(self.text, span),
        }
    }

    /// Reads the result: it says the version, and everything else is as it was.
    fn verify(
        &self,
        old: &Document<'_>,
        edited: &str,
        span: &Span,
        version: &str,
    ) -> Result<(), EditError> {
        let new = read(edited)?;
        let reread = Place {
            text: edited,
            ..*self
        };
        let says_so = match reread.find(&new)?.kind() {
            Kind::Scalar(scalar) => scalar.text == version,
            _ => false,
        };
        let mut changed = Vec::new();
        differences(old.root(), new.root(), None, &mut changed);
        if let Some(alias) = changed.iter().find_map(|change| change.alias.as_ref()) {
            return Err(EditError::Shared {
                service: self.service.clone(),
                line: line(self.text, span),
                alias_line: line(self.text, alias),
            });
        }
        if says_so && changed.iter().all(|change| change.span == *span) {
            Ok(())
        } else {
            Err(self.shape(span))
        }
    }
}

/// A value that two documents do not share.
struct Difference {
    span: Span,
    /// The alias that brought it where it is.
    alias: Option<Span>,
}

/// Compares what two documents say, place by place. As deep as the tree, which is bounded.
fn differences(
    old: Value<'_, '_>,
    new: Value<'_, '_>,
    alias: Option<&Span>,
    found: &mut Vec<Difference>,
) {
    let alias = match old.aliased() {
        Some(_) => Some(old.span()),
        None => alias,
    };
    let is_same = match (old.kind(), new.kind()) {
        (Kind::Scalar(old), Kind::Scalar(new)) => old.text == new.text,
        (Kind::Sequence(old), Kind::Sequence(new)) => {
            let is_as_long = old.items().len() == new.items().len();
            for (old, new) in old.items().zip(new.items()) {
                differences(old, new, alias, found);
            }
            is_as_long
        }
        (Kind::Mapping(old), Kind::Mapping(new)) => {
            for (old, new) in old.entries().zip(new.entries()) {
                differences(old.value, new.value, alias, found);
            }
            keys(old).eq(keys(new))
        }
        _ => false,
    };
    if !is_same {
        found.push(Difference {
            span: old.span().clone(),
            alias: alias.cloned(),
        });
    }
}

fn keys<'d>(mapping: Mapping<'d, '_>) -> impl Iterator<Item = &'d str> {
    mapping.entries().map(|entry| entry.key)
}
