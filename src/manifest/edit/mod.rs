//! Byte-exact changes of a manifest. Only the bytes of the values that change are replaced, so
//! comments, layout and line ends stay; the result is read again, and must differ in these alone.

mod differences;
mod error;
mod place;
mod redeploy;

use super::decode::{sha256_of, version_problem};
use super::problems::{Problems, Span};
use super::tree::{Document, parse};
use crate::model::diagnostic::{Severity, line_column};
use crate::model::id::{HostName, ServiceName};

pub use error::EditError;
use place::{Place, is_of};
pub use redeploy::set_redeploy;

/// What a service is to run.
#[derive(Clone, Copy, Debug)]
pub struct Release<'a> {
    /// The version.
    pub version: &'a str,
    /// What its artifact hashes to, with or without `sha256:` in front.
    pub sha256: Option<&'a str>,
}

/// Gives a service another version in the text of an environment's file, and a hash where one is
/// given: over the one that is there, or beside the version. The quotes that stand there stay;
/// where there are none they are added if YAML would read the value as something else than text.
///
/// # Errors
/// Where the file does not have exactly one place that says this version and nothing else, and
/// where a hash would stay beside a version that it is not of.
pub fn set_version(
    text: &str,
    service: &ServiceName,
    release: Release<'_>,
) -> Result<String, EditError> {
    let release = Checked::new(release)?;
    let old = read(text)?;
    let place = Place { text, service };
    let value = place.of_environment(old.root())?;
    let edits = place.write_over(value, &release)?;
    let path = ["services", service.as_str()];
    place.apply(&old, edits, &path, |value| is_of(value, &release))
}

/// Pins a service on one host: replaces the pin that is there, or adds one behind what the host
/// says already.
///
/// # Errors
/// As for [`set_version`], where there is no such host, and where the environment has a hash for
/// the service and the pin, in another version, would have none.
pub fn set_pin(
    text: &str,
    host: &HostName,
    service: &ServiceName,
    release: Release<'_>,
) -> Result<String, EditError> {
    let release = Checked::new(release)?;
    let old = read(text)?;
    let place = Place { text, service };
    let no_host = || EditError::NoHost { host: host.clone() };
    let hosts = place.enter(old.root(), "hosts")?.ok_or_else(no_host)?;
    let entry = place.enter(hosts, host.as_str())?.ok_or_else(no_host)?;
    let services = place.enter(entry, "services")?;
    let pinned = match services {
        Some(services) => place.enter(services, service.as_str())?,
        None => None,
    };
    place.refuse_hash_of_another(&old, pinned, &release)?;
    let pin = format!("{service}: {}", release.written());
    let edits = match (services, pinned) {
        (_, Some(value)) => place.write_over(value, &release)?,
        (Some(services), None) => vec![place.add(services, None, &pin)?],
        (None, None) => vec![place.add(entry, None, &format!("services: {{ {pin} }}"))?],
    };
    let path = ["hosts", host.as_str(), "services", service.as_str()];
    place.apply(&old, edits, &path, |value| is_of(value, &release))
}

/// A release that can be one.
struct Checked<'a> {
    version: &'a str,
    /// 64 lower-case digits.
    sha256: Option<String>,
}

impl<'a> Checked<'a> {
    fn new(release: Release<'a>) -> Result<Self, EditError> {
        let version = release.version;
        if let Some(problem) = version_problem(version) {
            return Err(EditError::Version {
                version: version.to_owned(),
                problem,
            });
        }
        let sha256 = release.sha256.map(|given| {
            sha256_of(given).ok_or_else(|| EditError::Hash {
                sha256: given.to_owned(),
            })
        });
        Ok(Self {
            version,
            sha256: sha256.transpose()?,
        })
    }

    /// As a value that stands where nothing stood before.
    fn written(&self) -> String {
        let version = place::quoted_if_needed(self.version);
        match &self.sha256 {
            Some(hash) => place::with_hash(&version, hash),
            None => version,
        }
    }
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
