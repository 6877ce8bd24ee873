//! A service on an instance belongs to one environment: two would deploy over each other.

use std::collections::HashMap;

use super::Checked;
use crate::manifest::codes;
use crate::manifest::decode::{EnvironmentFile, HostEntry, Spanned};
use crate::manifest::problems::shown;
use crate::model::id::{HostName, InstanceId, ServiceName};

#[derive(Clone, Copy)]
struct Use<'a> {
    environment: usize,
    host: &'a HostName,
    instance: &'a Spanned<InstanceId>,
}

pub(super) fn check(environments: &mut [Checked]) {
    let mut reports = Vec::new();
    for ((id, service), uses) in uses(environments) {
        // One use of another environment is enough to name for each.
        let [first, ..] = uses[..] else { continue };
        let Some(other) = uses
            .iter()
            .find(|a_use| a_use.environment != first.environment)
        else {
            continue;
        };
        for here in &uses {
            let there = if here.environment == first.environment {
                other
            } else {
                &first
            };
            let Some(file) = &environments[there.environment].file else {
                continue;
            };
            let message = format!(
                "service {} on instance {} also belongs to environment {}",
                shown(service.as_str()),
                shown(id.as_str()),
                shown(file.name.as_str())
            );
            let help = format!(
                "it is host {} in {}; take the host or the service out of one of them",
                shown(there.host.as_str()),
                shown(&file.file)
            );
            reports.push((here.environment, here.instance.span.clone(), message, help));
        }
    }
    for (environment, span, message, help) in reports {
        environments[environment]
            .problems
            .report(codes::INSTANCE_OF_TWO, &span, message, help);
    }
}

/// Who runs what on the instances that stand in several environments.
fn uses(environments: &[Checked]) -> HashMap<(&InstanceId, &ServiceName), Vec<Use<'_>>> {
    let files: Vec<(usize, &EnvironmentFile)> = environments
        .iter()
        .enumerate()
        .filter_map(|(number, environment)| Some((number, environment.file.as_ref()?)))
        .collect();
    let mut homes: HashMap<&InstanceId, (usize, bool)> = HashMap::new();
    for (environment, file) in &files {
        for instance in file
            .hosts
            .values()
            .filter_map(|host| host.instance.as_ref())
        {
            let (home, is_shared) = homes
                .entry(&instance.value)
                .or_insert((*environment, false));
            *is_shared |= home != environment;
        }
    }
    let mut uses: HashMap<_, Vec<_>> = HashMap::new();
    for (environment, file) in files {
        for (host, entry) in &file.hosts {
            let Some(instance) = &entry.instance else {
                continue;
            };
            if !homes
                .get(&instance.value)
                .is_some_and(|(_, is_shared)| *is_shared)
            {
                continue;
            }
            for service in services_of(file, host, entry) {
                let a_use = Use {
                    environment,
                    host,
                    instance,
                };
                uses.entry((&instance.value, service))
                    .or_default()
                    .push(a_use);
            }
        }
    }
    uses
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
