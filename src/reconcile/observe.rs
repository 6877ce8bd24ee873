//! `observe`: what really runs on the hosts, and how it is doing. Nothing changes on them; what
//! differs from what the last step left is recorded as drift.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::bundle::Bundle;
use crate::model::desired::{Environment, Host};
use crate::model::id::{EnvironmentName, HostName, Revision, ServiceName, Version};
use crate::model::ledger::EnvironmentLedger;
use crate::model::observation::{Drifted, Observation, Silent};
use crate::model::observed::{ServiceRecord, ServiceState};
use crate::model::report::Report;
use crate::model::time::Seconds;
use crate::rollout::state::shortened;
use crate::rollout::{
    Books, Controller, DesiredState, DispatchError, Health, Subject, observe_hosts,
};

use super::{ReconcileError, races};

/// Looks at every service that a step or an adoption left on the hosts of an environment, and
/// records what changed.
///
/// # Errors
/// The ledger, git or the service cannot be reached; nothing is recorded then.
pub async fn observe(
    controller: &Controller<'_>,
    name: &EnvironmentName,
) -> Result<Observation, ReconcileError> {
    races::run(controller, name, async |newest, wanted| {
        attempt(controller, newest, wanted).await
    })
    .await
}

async fn attempt(
    controller: &Controller<'_>,
    newest: &dyn DesiredState,
    wanted: &Environment,
) -> Result<Observation, DispatchError> {
    controller.ledger.fetch().await?;
    let ledger = controller.ledger.read(&wanted.name).await?;
    if let Some(open) = &ledger.open
        && open.open_wave().is_some()
    {
        return Ok(Observation {
            busy: Some(open.record.id.clone()),
            ..Observation::new(&wanted.name)
        });
    }
    let mut observed = Observation::new(&wanted.name);
    let subjects = subjects(controller, wanted, &ledger, &mut observed).await?;
    observed.looked_at = subjects.len();
    let health = observe_hosts(controller, (&newest.fleet().name, &wanted.name), &subjects).await?;
    let mut books = Books::open(&wanted.name, &ledger);
    for (subject, health) in subjects.iter().zip(health) {
        take(controller, &mut books, subject, health, &mut observed);
    }
    let subject = match observed.drifted.len() {
        0 => format!("{}: nothing drifts any more", wanted.name),
        1 => format!("{}: drift of 1 service", wanted.name),
        n => format!("{}: drift of {n} services", wanted.name),
    };
    books.commit(controller, None, &|_| subject.clone()).await?;
    Ok(observed)
}

/// What can be looked at: a service that a step left in a known state, on an instance that is
/// still the host's. Its scripts are those of the revision that is recorded for it.
async fn subjects(
    controller: &Controller<'_>,
    wanted: &Environment,
    ledger: &EnvironmentLedger,
    observed: &mut Observation,
) -> Result<Vec<Subject>, DispatchError> {
    let mut revisions: BTreeMap<&Revision, Option<Arc<dyn DesiredState>>> = BTreeMap::new();
    let mut subjects = Vec::new();
    for (host, record) in &ledger.hosts {
        let is_its = |it: &&Host| it.instance == record.instance;
        let Some(there) = wanted.hosts.get(host).filter(is_its) else {
            continue;
        };
        for (service, record) in &record.services {
            let Some(version) = record.left().filter(|_| is_known(record.state)) else {
                continue;
            };
            let mut silent = |message| {
                observed.silent.push(Silent {
                    host: host.clone(),
                    service: service.clone(),
                    message,
                });
            };
            let Some(revision) = &record.revision else {
                silent("its record does not say which commit has its scripts".to_owned());
                continue;
            };
            if !revisions.contains_key(revision) {
                revisions.insert(revision, controller.desired.at(revision).await?);
            }
            let scripts = revisions.get(revision).and_then(Option::as_deref);
            let found = scripts.and_then(|it| bundle(it, &wanted.name, host, service));
            let Some((timeout, bundle)) = found else {
                silent(format!(
                    "revision {} no longer has its scripts",
                    revision.short()
                ));
                continue;
            };
            subjects.push(Subject {
                host: host.clone(),
                instance: there.instance.clone(),
                platform: there.platform,
                service: service.clone(),
                version: version.clone(),
                timeout,
                bundle: Arc::new(bundle),
            });
        }
    }
    Ok(subjects)
}

/// Failed and unknown ones are asked for what became of their step first.
fn is_known(state: ServiceState) -> bool {
    matches!(
        state,
        ServiceState::Healthy
            | ServiceState::RolledBack
            | ServiceState::Drifted
            | ServiceState::Adopted
    )
}

/// The longest time and the scripts of a service on a host, as a revision has them.
fn bundle(
    scripts: &dyn DesiredState,
    environment: &EnvironmentName,
    host: &HostName,
    service: &ServiceName,
) -> Option<(Seconds, Bundle)> {
    let environment = scripts.fleet().environments.get(environment)?;
    let (host, wanted) = environment.assignment(host, service)?;
    let bundle = scripts.bundle(&environment.name, host, service, wanted);
    Some((wanted.timeout, bundle.ok()?))
}

fn take(
    controller: &Controller<'_>,
    books: &mut Books,
    subject: &Subject,
    health: Health,
    observed: &mut Observation,
) {
    let recorded = books
        .hosts()
        .get(&subject.host)
        .and_then(|host| host.services.get(&subject.service));
    let Some(before) = recorded.map(|record| (**record).clone()) else {
        return;
    };
    let after = match health {
        Health::Silent(message) => {
            observed.silent.push(Silent {
                host: subject.host.clone(),
                service: subject.service.clone(),
                message,
            });
            return;
        }
        Health::Healthy if before.state == ServiceState::Drifted => ServiceRecord {
            version: before.left().cloned(),
            drifted_from: None,
            state: ServiceState::Healthy,
            message: String::new(),
            ..before.clone()
        },
        Health::Healthy => return,
        Health::Unhealthy(message, report) => {
            let version = runs(&report, &before);
            observed.drifted.push(Drifted {
                host: subject.host.clone(),
                service: subject.service.clone(),
                version: version.clone(),
                left: subject.version.clone(),
                message: message.clone(),
            });
            ServiceRecord {
                version,
                drifted_from: Some(subject.version.clone()),
                state: ServiceState::Drifted,
                message: shortened(&message),
                ..before.clone()
            }
        }
    };
    if after != before {
        let after = ServiceRecord {
            since: controller.clock.now(),
            ..after
        };
        books.set_service(&subject.host, &subject.instance, &subject.service, after);
    }
}

/// What runs by the host's own word; where it gives none, what was known before.
fn runs(report: &Report, before: &ServiceRecord) -> Option<Version> {
    match &report.version {
        Some(version) if version.as_str() == "none" => None,
        Some(version) => Some(version.clone()),
        None => before.version.clone(),
    }
}
