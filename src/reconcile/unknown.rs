//! Hosts that owe an answer are asked when a pass starts. Nothing newer is sent to them before.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::bundle::Digests;
use crate::model::desired::Environment;
use crate::model::id::{EnvironmentName, HostName, InstanceId, RolloutId, ServiceName};
use crate::model::ledger::{
    Block, BlockedHosts, EnvironmentLedger, RolloutLedger, StepRecord, UntouchedKind,
};
use crate::model::observed::{HostRecord, ServiceRecord, ServiceState};
use crate::model::plan::{Action, Change};
use crate::model::report::{Outcome, Report, ReportOutcome};
use crate::model::task::{Presence, Work};
use crate::rollout::state::{EndedStep, service_record, untouched_entry};
use crate::rollout::{Books, Controller, DesiredState, DispatchError, Question, ask_hosts};

/// A step of which nobody knows how it ended.
struct Owed {
    question: Question,
    step: StepRecord,
    change: Change,
    rollout: RolloutLedger,
}

/// Asks what can be asked and takes the answers into the books; whether there were any.
pub(super) async fn ask(
    controller: &Controller<'_>,
    desired: &dyn DesiredState,
    environment: &Environment,
    ledger: &EnvironmentLedger,
    books: &mut Books,
) -> Result<bool, DispatchError> {
    let mut owed = owed(controller, environment, ledger).await?;
    if owed.is_empty() {
        return Ok(false);
    }
    let instances: BTreeSet<&InstanceId> = owed.iter().map(|it| &it.question.instance).collect();
    let instances: Vec<InstanceId> = instances.into_iter().cloned().collect();
    let presence = controller.transport.inventory(&instances).await?;
    owed.retain(|it| {
        matches!(
            presence.get(&it.question.instance),
            Some(Presence::Online(_))
        )
    });
    let questions: Vec<Question> = owed.iter().map(|it| it.question.clone()).collect();
    let fleet = &desired.fleet().name;
    let asked = ask_hosts(controller, fleet, &environment.name, &questions).await?;
    let mut any = false;
    for (at, report) in asked.steps {
        if report.outcome != ReportOutcome::Busy {
            any = true;
            take(controller, &environment.name, &owed[at], &report, books).await?;
        }
    }
    Ok(any)
}

async fn owed(
    controller: &Controller<'_>,
    environment: &Environment,
    ledger: &EnvironmentLedger,
) -> Result<Vec<Owed>, DispatchError> {
    let mut rollouts: BTreeMap<RolloutId, Option<RolloutLedger>> = BTreeMap::new();
    let mut owed = Vec::new();
    for (host, service, record) in unknown(ledger) {
        let Some(wanted) = environment
            .hosts
            .get(host)
            .filter(|wanted| wanted.instance == ledger.hosts[host].instance)
        else {
            continue;
        };
        let Some(id) = &record.rollout else { continue };
        if !rollouts.contains_key(id) {
            let found = controller.ledger.rollout(&environment.name, id).await?;
            rollouts.insert(id.clone(), found);
        }
        let Some(Some(rollout)) = rollouts.get(id) else {
            continue;
        };
        let last = rollout.waves.iter().rev().find_map(|wave| {
            let of_it = |step: &&StepRecord| {
                step.host == *host
                    && step.service == *service
                    && step.outcome == Some(Outcome::Unknown)
            };
            wave.steps.iter().find(of_it)
        });
        let change = rollout.plan.plan.changes.iter();
        let mut change = change.filter(|it| it.host == *host && it.service == *service);
        let Some((step, change)) = last.zip(change.next()) else {
            continue;
        };
        owed.push(Owed {
            question: Question {
                host: host.clone(),
                instance: step.instance.clone(),
                platform: wanted.platform,
                work: Work::Ask {
                    service: service.clone(),
                    steps: vec![step.step.clone()],
                },
            },
            step: step.clone(),
            change: change.clone(),
            rollout: rollout.clone(),
        });
    }
    Ok(owed)
}

fn unknown(
    ledger: &EnvironmentLedger,
) -> impl Iterator<Item = (&HostName, &ServiceName, &ServiceRecord)> {
    ledger.hosts.iter().flat_map(|(host, record)| {
        record
            .services
            .iter()
            .filter(|(_, service)| service.state == ServiceState::Unknown)
            .map(move |(service, record)| (host, service, &**record))
    })
}

async fn take(
    controller: &Controller<'_>,
    environment: &EnvironmentName,
    owed: &Owed,
    report: &Report,
    books: &mut Books,
) -> Result<(), DispatchError> {
    let record = &owed.rollout.record;
    let scripts = controller.desired.at(&record.revision).await?;
    let digests = scripts.and_then(|scripts| digests(scripts.as_ref(), environment, &owed.change));
    let outcome = match report.outcome {
        ReportOutcome::Succeeded => Outcome::Succeeded,
        ReportOutcome::RolledBack => Outcome::RolledBack,
        ReportOutcome::Failed => Outcome::Failed,
        ReportOutcome::Refused => Outcome::Refused,
        ReportOutcome::Superseded | ReportOutcome::Busy | ReportOutcome::Untouched => {
            Outcome::Untouched
        }
    };
    let ended = EndedStep {
        action: owed.step.action,
        change: &owed.change,
        outcome,
        report: Some(report),
        message: &report.message,
        digests: digests.as_ref(),
        rollout: &record.id,
        revision: &record.revision,
        command: owed.step.command.as_ref(),
        at: controller.clock.now(),
    };
    let (host, service) = (&owed.change.host, &owed.change.service);
    let before = books.service(&owed.change).cloned();
    match service_record(before.as_ref(), &ended) {
        Some(after) => {
            books.take(&owed.change, after);
            let failed = matches!(outcome, Outcome::Failed | Outcome::RolledBack);
            if failed && owed.step.action != Action::Rollback {
                block(books, &ended);
            }
        }
        None => {
            restore(books, &owed.change, &ended);
            let entry = untouched_entry(None, &ended, UntouchedKind::Refused);
            let untouched = &mut books.blocked_mut().untouched;
            untouched.retain(|it| it.host != *host || it.service != *service);
            untouched.extend(entry.filter(|_| owed.step.action != Action::Rollback));
        }
    }
    Ok(())
}

/// The record kept what was there before; nothing of it changed.
fn restore(books: &mut Books, change: &Change, ended: &EndedStep<'_>) {
    let Some(host) = books.hosts().get(&change.host) else {
        return;
    };
    let mut host = HostRecord::clone(host);
    let Some(record) = host.services.get_mut(&change.service) else {
        return;
    };
    record.since = ended.at;
    record.message.clear();
    match (&record.digest, &record.version) {
        (Some(_), _) => record.state = ServiceState::Healthy,
        (None, Some(_)) => record.state = ServiceState::Failed,
        (None, None) => {
            host.services.remove(&change.service);
        }
    }
    books.set_host(&change.host, host);
}

/// The rollout is over; its host alone is blocked.
fn block(books: &mut Books, ended: &EndedStep<'_>) {
    let Some(digests) = ended.digests else { return };
    let change = ended.change;
    let block = Block {
        service: change.service.clone(),
        version: change.to.clone(),
        definition: digests.host_definition.clone(),
        hosts: BlockedHosts::Listed(vec![change.host.clone()]),
        reason: format!("{} on {}", ended.outcome.as_str(), change.host),
        rollout: ended.rollout.clone(),
        since: ended.at,
    };
    books.blocked_mut().blocks.push(block);
}

fn digests(
    scripts: &dyn DesiredState,
    environment: &EnvironmentName,
    change: &Change,
) -> Option<Digests> {
    let environment = scripts.fleet().environments.get(environment)?;
    let (host, assignment) = environment.assignment(&change.host, &change.service)?;
    scripts
        .digests(&environment.name, host, &change.service, assignment)
        .ok()
}
