//! What can be wrong with the sandbox itself. A script that fails is data, not an error.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a sandbox could not be started or used.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Its folder cannot be used.
    #[error("could not {action} {}", path.display())]
    Folder {
        /// `create`, `read`, `write`, …
        action: &'static str,
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file in its folder is not what a sandbox writes.
    #[error("{} is not a file of the sandbox", path.display())]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Another process owns the folder.
    #[error("the sandbox in {} belongs to another process", root.display())]
    InUse {
        /// Which folder.
        root: PathBuf,
    },
    /// It would run scripts for whoever reaches the address.
    #[error(
        "{address} is not a loopback address: the sandbox runs scripts for whoever can reach it"
    )]
    NotLoopback {
        /// Which address.
        address: SocketAddr,
    },
    /// The address is taken, or not there.
    #[error("could not listen on {address}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A faults file that does not say what it means.
    #[error("{} is not a list of faults", path.display())]
    Faults {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_yaml::Error,
    },
    /// The owner of the folder does not answer.
    #[error("no answer from the sandbox at {endpoint}")]
    Unreachable {
        /// Its endpoint.
        endpoint: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The owner of the folder answered with an error.
    #[error("the sandbox at {endpoint} refused {operation}: {message}")]
    Refused {
        /// Its endpoint.
        endpoint: String,
        /// What was asked of it.
        operation: &'static str,
        /// What it said.
        message: String,
    },
}

impl SandboxError {
    pub(super) fn folder(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Folder {
            action,
            path,
            source,
        }
    }
}
