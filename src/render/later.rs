//! What templates ask for and this version cannot act on: it closes a gate of the environment.

use std::collections::BTreeSet;

use crate::model::desired::{Environment, Unsupported};
use crate::model::plan::GateKind;

use super::templates::Templates;

impl Templates {
    /// Everything of the kind in the templates that an environment uses.
    pub fn unsupported(&self, environment: &Environment) -> Vec<Unsupported> {
        let used: BTreeSet<_> = environment
            .hosts
            .values()
            .flat_map(|host| {
                let services = environment.assignments(host);
                services.map(|(_, assignment)| (&assignment.template, host.platform))
            })
            .collect();
        used.into_iter()
            .filter_map(|(name, platform)| Some((self.by_name.get(name)?, platform)))
            .flat_map(|(template, platform)| template.parts_for(platform))
            .filter(|(_, part)| part.reads_secrets)
            .map(|(_, part)| Unsupported {
                gate: GateKind::Unsupported,
                key: format!("secret in {}", part.file),
            })
            .collect()
    }
}
