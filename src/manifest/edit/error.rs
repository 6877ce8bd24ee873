//! Why a file was not changed.

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
    /// The new hash cannot be one.
    #[error("{sha256:?} is not a sha256")]
    Hash {
        /// As given.
        sha256: String,
    },
    /// A hash stays beside another version than its own.
    #[error("the sha256 on line {line} is that of {of}, not of {version}")]
    Stale {
        /// The version that it belongs to.
        of: String,
        /// As given.
        version: String,
        /// Where.
        line: usize,
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
    /// What stands there is no version, or no hash.
    #[error("what line {line} gives service `{service}` is not a {what} on one line")]
    Shape {
        /// `version`, `sha256` or `redeploy`.
        what: &'static str,
        /// The service.
        service: ServiceName,
        /// Where.
        line: usize,
    },
    /// An alias brings the version here: the place to change is another one, and not alone.
    #[error(
        "service `{service}` has its {what} through the alias on line {line}, from line {source_line}"
    )]
    Alias {
        /// `version`, `sha256` or `redeploy`.
        what: &'static str,
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
