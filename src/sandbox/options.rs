//! What a sandbox is started with.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use super::faults::Faults;
use super::host::SandboxInstance;
use crate::model::clock::{Clock, Random};

/// What a sandbox is started with.
#[derive(Clone)]
pub struct SandboxOptions {
    /// Its folder, `.fleet/sandbox` of a repository. Created where it is missing.
    pub root: PathBuf,
    /// A loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Instances to register, beside those that the folder already has.
    pub instances: Vec<SandboxInstance>,
    /// What goes wrong on purpose.
    pub faults: Faults,
    /// The caller's environment. Scripts get it without AWS_*, SSH_*, GIT_* and FLEET_*.
    pub environment: Vec<(OsString, OsString)>,
    /// Where the service gets its time from.
    pub clock: Arc<dyn Clock>,
    /// Where command ids come from.
    pub random: Arc<dyn Random>,
}

impl SandboxOptions {
    /// A sandbox on a free port, without instances and faults.
    pub fn new(
        root: impl Into<PathBuf>,
        environment: Vec<(OsString, OsString)>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self {
            root: root.into(),
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            instances: Vec::new(),
            faults: Faults::default(),
            environment,
            clock,
            random,
        }
    }
}

impl std::fmt::Debug for SandboxOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SandboxOptions")
            .field("root", &self.root)
            .field("listen", &self.listen)
            .field("instances", &self.instances)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}
