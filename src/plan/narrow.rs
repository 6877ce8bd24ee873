//! `--host`, `--selector` and `--service`: what of an environment is looked at.

use std::collections::BTreeSet;

use crate::model::desired::{Environment, Host};
use crate::model::id::{HostName, ServiceName};
use crate::model::selector::Selector;

/// Leaves out of a plan what does not match. The default leaves out nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrow {
    /// These hosts only; empty for all.
    pub hosts: BTreeSet<HostName>,
    /// Hosts that match.
    pub selector: Selector,
    /// These services only; empty for all.
    pub services: BTreeSet<ServiceName>,
}

impl Narrow {
    /// Nothing is left out.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// No service on any host of the environment matches: wrong usage, not an empty plan.
    pub fn matches_nothing(&self, environment: &Environment) -> bool {
        let mut hosts = environment.hosts.values();
        !hosts.any(|host| self.covers(environment, host))
    }

    /// Something of this host is looked at.
    pub fn covers(&self, environment: &Environment, host: &Host) -> bool {
        let mut named = environment.assignments(host);
        !self.skips_host(host)
            && (self.services.is_empty() || named.any(|(service, _)| !self.skips_service(service)))
    }

    /// Whether a host is left out.
    pub(crate) fn skips_host(&self, host: &Host) -> bool {
        (!self.hosts.is_empty() && !self.hosts.contains(&host.name))
            || !self.selector.matches(&host.name, &host.labels)
    }

    /// Whether a service is left out.
    pub(crate) fn skips_service(&self, service: &ServiceName) -> bool {
        !self.services.is_empty() && !self.services.contains(service)
    }
}
