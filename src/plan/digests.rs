//! What the rendered scripts of an environment hash to, worked out once per plan.

use std::collections::HashMap;

use crate::model::bundle::Digests;
use crate::model::desired::{Assignment, Environment, Host};
use crate::model::id::{HostName, ServiceName};

/// The digests of every service on every host of one environment.
#[derive(Clone, Debug, Default)]
pub struct DigestTable {
    rows: HashMap<HostName, HashMap<ServiceName, Digests>>,
}

impl DigestTable {
    /// Asks for the digests of every service on every host.
    ///
    /// # Errors
    /// The first one that `digests` gives: a plan cannot do without.
    pub fn build<E>(
        environment: &Environment,
        mut digests: impl FnMut(&Host, &ServiceName, &Assignment) -> Result<Digests, E>,
    ) -> Result<Self, E> {
        let mut rows = HashMap::with_capacity(environment.hosts.len());
        for host in environment.hosts.values() {
            let mut services = HashMap::with_capacity(host.services.len());
            for (service, assignment) in environment.assignments(host) {
                services.insert(service.clone(), digests(host, service, assignment)?);
            }
            rows.insert(host.name.clone(), services);
        }
        Ok(Self { rows })
    }

    /// Those of one service on one host.
    pub fn get(&self, host: &HostName, service: &ServiceName) -> Option<&Digests> {
        self.rows.get(host)?.get(service)
    }
}
