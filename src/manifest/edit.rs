//! Byte-exact changes of a manifest. Only the bytes of one value are replaced, so comments, layout
//! and line ends stay; the result is read again, and must differ in that value alone.

mod redeploy;

pub use redeploy::set_redeploy;

use super::decode::version_problem;
use super::problems::{Problems, Span};
use super::tree::{Document, Kind, Mapping, Style, Value, parse, reads_as};
use crate::model::diagnostic::{Severity, line_column};
use crate::model::id::{HostName, ServiceName};

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
    /// The environment does not have the host.
    #[error("the file has no host `{host}`")]
    NoHost {
        /// The host.
        host: HostName,
    },
    /// The environment wants it away.
    #[error("line {line} wants service `{service}` absent")]
    Absent {
        /// The service.
        service: ServiceName,
        /// Where.
        line: usize,
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
    check(version)?;
    let old = read(text)?;
    let place = Place { text, service };
    let value = place.find(&old)?;
    place.replace(&old, value, version)
}

/// Pins a service on one host to a version: replaces the pin that is there, or adds one behind
/// what the host says already.
///
/// # Errors
/// As for [`set_version`], and where there is no such host.
pub fn set_pin(
    text: &str,
    host: &HostName,
    service: &ServiceName,
    version: &str,
) -> Result<String, EditError> {
    check(version)?;
    let old = read(text)?;
    let place = Place { text, service };
    let no_host = || EditError::NoHost { host: host.clone() };
    let hosts = place.enter(old.root(), "hosts")?.ok_or_else(no_host)?;
    let entry = place.enter(hosts, host.as_str())?.ok_or_else(no_host)?;
    let written = if is_plain(version) {
        version.to_owned()
    } else {
        format!("\"{version}\"")
    };
    let pin = format!("{service}: {written}");
    let (inside, addition) = match place.enter(entry, "services")? {
        Some(services) => match place.enter(services, service.as_str())? {
            Some(value) => return place.replace(&old, value, version),
            None => (services, pin),
        },
        None => (entry, format!("services: {{ {pin} }}")),
    };
    let edited = place.insert(inside, &addition)?;
    let new = read(&edited)?;
    let reread = Place {
        text: &edited,
        service,
    };
    let says_so = reread
        .enter(new.root(), "hosts")?
        .and_then(|hosts| reread.enter(hosts, host.as_str()).transpose())
        .transpose()?
        .and_then(|entry| reread.enter(entry, "services").transpose())
        .transpose()?
        .and_then(|services| reread.enter(services, service.as_str()).transpose())
        .transpose()?;
    place.verify(&old, &new, inside.span(), says_so, version)?;
    Ok(edited)
}

fn check(version: &str) -> Result<(), EditError> {
    match version_problem(version) {
        Some(problem) => Err(EditError::Version {
            version: version.to_owned(),
            problem,
        }),
        None => Ok(()),
    }
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

    /// Writes a version over another one.
    fn replace(
        &self,
        old: &Document<'_>,
        value: Value<'_, '_>,
        version: &str,
    ) -> Result<String, EditError> {
        let span = value.span();
        let written = match value.kind() {
            Kind::Scalar(scalar) if !scalar.is_null() => match scalar.style {
                Style::Plain if is_plain(version) => version.to_owned(),
                Style::Plain | Style::DoubleQuoted => format!("\"{version}\""),
                Style::SingleQuoted => format!("'{version}'"),
                Style::Block => return Err(self.shape(span)),
            },
            _ => return Err(self.shape(span)),
        };
        let edited = [&self.text[..span.start], &written, &self.text[span.end..]].concat();
        let new = read(&edited)?;
        let says_so = at(new.root(), old.root(), span);
        self.verify(old, &new, span, says_so, version)?;
        Ok(edited)
    }

    /// The text with one more entry at the end of a mapping, in the layout of the others.
    fn insert(&self, inside: Value<'_, '_>, entry: &str) -> Result<String, EditError> {
        let (text, span) = (self.text, inside.span());
        let Kind::Mapping(mapping) = inside.kind() else {
            return Err(self.shape(span));
        };
        let last = mapping.entries().last();
        let (place, inserted) = match (mapping.entries().next(), last) {
            _ if text[span.clone()].starts_with('{') => match last {
                // `{}` becomes `{ entry }`.
                None => {
                    return Ok([&text[..span.start], "{ ", entry, " }", &text[span.end..]].concat());
                }
                Some(last) => (last.value.span().end, format!(", {entry}")),
            },
            (Some(first), Some(last)) => {
                let line_start = text[..first.key_span.start]
                    .rfind('\n')
                    .map_or(0, |at| at + 1);
                let indent = &text[line_start..first.key_span.start];
                if !indent.bytes().all(|c| c == b' ') {
                    return Err(self.shape(span));
                }
                let end = last.value.span().end;
                if text[..end].ends_with('\n') {
                    // Behind a block of text, at the beginning of a line.
                    let line_end = if text[..end].ends_with("\r\n") {
                        "\r\n"
                    } else {
                        "\n"
                    };
                    (end, format!("{indent}{entry}{line_end}"))
                } else {
                    let rest = text[end..].find('\n').map_or(text.len(), |at| end + at);
                    let is_dos = text[..rest].ends_with('\r');
                    let place = rest - usize::from(is_dos);
                    let line_end = if is_dos { "\r\n" } else { "\n" };
                    (place, format!("{line_end}{indent}{entry}"))
                }
            }
            _ => return Err(self.shape(span)),
        };
        Ok([&text[..place], &inserted, &text[place..]].concat())
    }

    /// Compares the result: it says the version, and everything else is as it was.
    fn verify(
        &self,
        old: &Document<'_>,
        new: &Document<'_>,
        span: &Span,
        says_so: Option<Value<'_, '_>>,
        version: &str,
    ) -> Result<(), EditError> {
        let says_so = says_so.is_some_and(|value| match value.kind() {
            Kind::Scalar(scalar) => scalar.text == version,
            _ => false,
        });
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

/// What a document says where another one has a value.
fn at<'d, 't>(new: Value<'d, 't>, old: Value<'_, '_>, span: &Span) -> Option<Value<'d, 't>> {
    if old.span() == span && old.aliased().is_none() && matches!(old.kind(), Kind::Scalar(_)) {
        return Some(new);
    }
    match (old.kind(), new.kind()) {
        (Kind::Mapping(old_entries), Kind::Mapping(new_entries)) if old.aliased().is_none() => {
            let mut pairs = old_entries.entries().zip(new_entries.entries());
            pairs.find_map(|(old, new)| at(new.value, old.value, span))
        }
        _ => None,
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
