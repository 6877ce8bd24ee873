//! `adopt`: first contact with hosts that run something already. Nothing changes on them: what runs
//! is recorded as if today's templates had brought it, so that it changes only where something else
//! is desired.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::desired::{Assignment, Environment, Host, NOTHING};
use crate::model::id::{EnvironmentName, RolloutId, ServiceName, Version};
use crate::model::ledger::EnvironmentLedger;
use crate::model::observation::{Adoption, Found, Silent};
use crate::model::observed::{ServiceRecord, ServiceState};
use crate::model::report::Report;
use crate::plan::Narrow;
use crate::rollout::{
    Books, Controller, DesiredState, DispatchError, Health, Look, Subject, judge, look_at_hosts,
};

use super::{ReconcileError, races};

/// At most so many facts of a service are kept.
const MOST_FACTS: usize = 16;

/// Looks at every service that is desired somewhere and of which nothing is recorded there. Records
/// nothing.
///
/// # Errors
/// The ledger, git or the service cannot be reached.
pub async fn look(
    controller: &Controller<'_>,
    name: &EnvironmentName,
    narrow: &Narrow,
) -> Result<Adoption, ReconcileError> {
    let newest = controller.desired.newest().await?;
    let wanted = super::apply::environment(newest.as_ref(), name)?;
    attempt_look(controller, newest.as_ref(), wanted, narrow)
        .await
        .map_err(|error| ReconcileError::from_dispatch(error, name, 1))
}

async fn attempt_look(
    controller: &Controller<'_>,
    newest: &dyn DesiredState,
    wanted: &Environment,
    narrow: &Narrow,
) -> Result<Adoption, DispatchError> {
    controller.ledger.fetch().await?;
    let ledger = controller.ledger.read(&wanted.name).await?;
    let mut adoption = Adoption::new(&wanted.name);
    adoption.busy = busy(&ledger);
    if adoption.busy.is_some() {
        return Ok(adoption);
    }
    let mut subjects = Vec::new();
    for (host, service, assignment) in unrecorded(wanted, &ledger, narrow) {
        match newest.bundle(&wanted.name, host, service, assignment) {
            Ok(bundle) => subjects.push(Subject {
                host: host.name.clone(),
                instance: host.instance.clone(),
                platform: host.platform,
                service: service.clone(),
                version: assignment.version.clone(),
                timeout: assignment.timeout,
                bundle: Arc::new(bundle),
            }),
            Err(problem) => adoption.silent.push(Silent {
                host: host.name.clone(),
                service: service.clone(),
                message: format!("its scripts cannot be rendered: {}", problem.message),
            }),
        }
    }
    let fleet = (&newest.fleet().name, &wanted.name);
    let looks = look_at_hosts(controller, fleet, &subjects).await?;
    for (subject, look) in subjects.into_iter().zip(looks) {
        take_in(&mut adoption, subject, look);
    }
    Ok(adoption)
}

fn busy(ledger: &EnvironmentLedger) -> Option<RolloutId> {
    let open = ledger.open.as_ref()?;
    open.open_wave().map(|_| open.record.id.clone())
}

/// What is desired, and would be installed.
fn unrecorded<'a>(
    wanted: &'a Environment,
    ledger: &'a EnvironmentLedger,
    narrow: &'a Narrow,
) -> impl Iterator<Item = (&'a Host, &'a ServiceName, &'a Assignment)> {
    let hosts = wanted.hosts.values().filter(|it| !narrow.skips_host(it));
    hosts.flat_map(move |host| {
        let services = host.services.iter();
        services
            .filter(|(service, _)| !narrow.skips_service(service))
            .filter(|(service, _)| !is_recorded(ledger, host, service))
            .map(move |(service, assignment)| (host, service, assignment))
    })
}

/// Whether fleet knows what runs, or touched it and owes to know.
fn is_recorded(ledger: &EnvironmentLedger, host: &Host, service: &ServiceName) -> bool {
    let record = ledger
        .hosts
        .get(&host.name)
        .filter(|record| record.instance == host.instance)
        .and_then(|record| record.services.get(service));
    record.is_some_and(|record| match record.state {
        ServiceState::Released => false,
        ServiceState::Failed | ServiceState::Unknown => true,
        _ => record.version.is_some(),
    })
}

fn take_in(adoption: &mut Adoption, subject: Subject, look: Look) {
    let silent = |message: String| Silent {
        host: subject.host.clone(),
        service: subject.service.clone(),
        message,
    };
    let report = match look {
        Look::Told(report) => report,
        Look::Silent(why) => return adoption.silent.push(silent(why)),
        Look::Blind => {
            let why = "its template has no phase observe, so nobody knows what runs";
            return adoption.silent.push(silent(why.to_owned()));
        }
    };
    match (
        judge(Report::clone(&report), &subject.version),
        &report.version,
    ) {
        (Health::Silent(why), _) => adoption.silent.push(silent(why)),
        (Health::Unhealthy(why, _), None) => {
            adoption
                .silent
                .push(silent(format!("observe failed: {why}")));
        }
        (_, Some(version)) if version.as_str() == NOTHING => adoption.missing += 1,
        (_, version) => {
            let mut facts = report.facts.clone();
            let healthy = facts.remove("healthy").is_none_or(|it| it != "false");
            adoption.found.push(Found {
                version: version.clone().unwrap_or_else(|| subject.version.clone()),
                host: subject.host,
                service: subject.service,
                desired: subject.version,
                healthy,
                facts: facts.into_iter().take(MOST_FACTS).collect(),
            });
        }
    }
}

/// Records what a look found, where nothing else was recorded meanwhile; the services that it did.
///
/// # Errors
/// The ledger or git cannot be reached; nothing is recorded then.
pub async fn adopt(
    controller: &Controller<'_>,
    name: &EnvironmentName,
    found: &[Found],
) -> Result<Vec<Found>, ReconcileError> {
    races::run(controller, name, async |newest, wanted| {
        attempt(controller, newest, wanted, found).await
    })
    .await
}

async fn attempt(
    controller: &Controller<'_>,
    newest: &dyn DesiredState,
    wanted: &Environment,
    found: &[Found],
) -> Result<Vec<Found>, DispatchError> {
    controller.ledger.fetch().await?;
    let ledger = controller.ledger.read(&wanted.name).await?;
    let mut books = Books::open(&wanted.name, &ledger);
    let mut adopted = Vec::new();
    if busy(&ledger).is_some() {
        return Ok(adopted);
    }
    for it in found {
        let Some(host) = wanted.hosts.get(&it.host) else {
            continue;
        };
        let Some(assignment) = host.services.get(&it.service) else {
            continue;
        };
        if is_recorded(&ledger, host, &it.service) {
            continue;
        }
        let Some(record) = record(controller, newest, (wanted, host, assignment), it) else {
            continue;
        };
        books.set_service(&host.name, &host.instance, &it.service, record);
        // What was refused or deferred was an install.
        let untouched = &mut books.blocked_mut().untouched;
        untouched.retain(|entry| entry.host != it.host || entry.service != it.service);
        adopted.push(it.clone());
    }
    let subject = match adopted.as_slice() {
        [] => return Ok(adopted),
        [one] => format!(
            "{}: adopted {} {} on {}",
            wanted.name, one.service, one.version, one.host
        ),
        many => format!("{}: adopted {} services", wanted.name, many.len()),
    };
    books.commit(controller, None, &|_| subject.clone()).await?;
    Ok(adopted)
}

/// What runs, as if today's templates had brought it in that version.
fn record(
    controller: &Controller<'_>,
    newest: &dyn DesiredState,
    (wanted, host, assignment): (&Environment, &Host, &Assignment),
    found: &Found,
) -> Option<ServiceRecord> {
    let (desired, runs): (&Version, &Version) = (&assignment.version, &found.version);
    let as_it_runs = Assignment {
        version: runs.clone(),
        artifact: assignment
            .artifact
            .as_ref()
            .map(|address| address.replace(desired.as_str(), runs.as_str())),
        ..assignment.clone()
    };
    let digests = newest
        .digests(&wanted.name, host, &found.service, &as_it_runs)
        .ok()?;
    Some(ServiceRecord {
        version: Some(runs.clone()),
        previous_version: None,
        digest: Some(digests.digest),
        scripts: Some(digests.scripts),
        template: Some(digests.template),
        redeploy: digests.redeploy,
        drifted_from: None,
        repaired: None,
        state: ServiceState::Adopted,
        since: controller.clock.now(),
        rollout: None,
        revision: Some(newest.revision().clone()),
        previous_revision: None,
        command: None,
        seconds: 0.0,
        stages: BTreeMap::new(),
        facts: found.facts.clone(),
        message: if found.healthy {
            String::new()
        } else {
            "was not healthy when it was adopted".to_owned()
        },
    })
}
