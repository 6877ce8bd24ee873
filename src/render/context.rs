//! The values of one service on one host.

use crate::model::desired::{Assignment, Host, Value};
use crate::model::id::{EnvironmentName, ServiceName};

use super::path::Path;

/// What a template is rendered for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    /// `environment`
    pub(super) environment: &'a EnvironmentName,
    /// `host`
    pub(super) host: &'a Host,
    /// `service`
    pub(super) service: &'a ServiceName,
    /// `version`, `artifact` and `variables`
    pub(super) assignment: &'a Assignment,
}

/// A value that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// One text.
    Text(&'a str),
    /// Several.
    List(&'a [String]),
}

impl<'a> Subject<'a> {
    /// The value of a path, if there is one here.
    pub(super) fn find(&self, path: &Path) -> Option<Found<'a>> {
        let text = match path {
            Path::HostName => self.host.name.as_str(),
            Path::HostPlatform => self.host.platform.as_str(),
            Path::HostInstance => self.host.instance.as_str(),
            Path::Label(key) => self.host.labels.get(&**key)?,
            Path::EnvironmentName => self.environment.as_str(),
            Path::ServiceName => self.service.as_str(),
            Path::Version => self.assignment.version.as_str(),
            Path::ArtifactUrl => self.assignment.artifact.as_deref()?,
            Path::Variable(key) => match self.assignment.variables.get(&**key)? {
                Value::Scalar(text) => text,
                Value::List(items) => return Some(Found::List(items)),
            },
        };
        Some(Found::Text(text))
    }

    /// The names that exist beside a path, for suggestions.
    pub(super) fn siblings(&self, path: &Path) -> Vec<&'a str> {
        match path {
            Path::Label(_) => self.host.labels.keys().map(String::as_str).collect(),
            Path::Variable(_) => self
                .assignment
                .variables
                .keys()
                .map(String::as_str)
                .collect(),
            _ => Vec::new(),
        }
    }
}

impl<'a> Found<'a> {
    /// All its texts.
    pub(super) fn texts(self) -> impl Iterator<Item = &'a str> {
        let (one, several) = match self {
            Self::Text(text) => (Some(text), [].as_slice()),
            Self::List(items) => (None, items),
        };
        one.into_iter().chain(several.iter().map(String::as_str))
    }
}
