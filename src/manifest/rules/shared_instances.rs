//! A service on an instance belongs to one environment: two would deploy over each other.

use std::collections::HashMap;

use super::Checked;
use crate::manifest::codes;
use crate::manifest::decode::{EnvironmentFile, HostEntry, Spanned};
use crate::manifest::problems::shown;
use crate::model::id::{HostName, InstanceId, ServiceName};

/// Where an instance is used first.
type Uses<'a> = HashMap<(&'a InstanceId, &'a ServiceName), Vec<Use<'a>>>;

struct Use<'a> {
    environment: usize,
    host: &'a HostName,
    instance: &'a Spanned<InstanceId>,
}

pub(super) fn check(environments: &mut [Checked]) {
    let mut reports = Vec::new();
    {
        let mut uses = Uses::new();
        for (number, environment) in environments.iter().enumerate() {
            if let Some(file) = &environment.file {
                collect(number, file, &mut uses);
            }
        }
        for ((id, service), uses) in &uses {
            for here in uses {
                let Some(there) = uses
                    .iter()
                    .find(|use_| use_.environment != here.environment)
                else {
                    continue;
                };
                let Some(other) = &environments[there.environment].file else {
                    continue;
                };
                let message = format!(
                    "service {} on instance {} also belongs to environment `{}`",
                    shown(service.as_str()),
                    shown(id.as_str()),
                    other.name
                );
                let help = format!(
                    "it is host `{}` in {}; take the host or the service out of one of them",
                    there.host, other.file
                );
                reports.push((here.environment, here.instance.span.clone(), message, help));
            }
        }
    }
    for (environment, span, message, help) in reports {
        environments[environment]
            .problems
            .report(codes::INSTANCE_OF_TWO, &span, message, help);
    }
}

fn collect<'a>(environment: usize, file: &'a EnvironmentFile, uses: &mut Uses<'a>) {
    for (host, entry) in &file.hosts {
        let Some(instance) = &entry.instance else {
            continue;
        };
        for service in services_of(file, host, entry) {
            uses.entry((&instance.value, service))
                .or_default()
                .push(Use {
                    environment,
                    host,
                    instance,
                });
        }
    }
}

fn services_of<'a>(
    file: &'a EnvironmentFile,
    host: &'a HostName,
    entry: &'a HostEntry,
) -> impl Iterator<Item = &'a ServiceName> {
    file.services
        .iter()
        .filter(move |(_, service)| match &service.select {
            Some(select) => select.value.matches(host, &entry.labels),
            None => true,
        })
        .map(|(name, _)| name)
}
