//! `observe --rebuild`: the ledger is lost or was rewritten, and the hosts know.
//!
//! Host states and sequences come back from `current` on the hosts, blocks from their last
//! outcomes. History does not.

use std::collections::BTreeMap;

use crate::model::desired::{Environment, NOTHING};
use crate::model::id::{EnvironmentName, HostName, InstanceId, Version};
use crate::model::ledger::{Block, BlockedHosts, RolloutLedger, RolloutState, WaveKind};
use crate::model::observed::{HostRecord, ServiceRecord, ServiceState};
use crate::model::report::{CurrentState, Outcome};
use crate::model::task::{Presence, Work};
use crate::rollout::state::{Place, Rollout, RolloutEvent};
use crate::rollout::{Books, Controller, DispatchError, Question, ask_hosts};

use super::ReconcileError;

/// What a rebuild found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Hosts that told what they have.
    pub told: Vec<HostName>,
    /// Hosts that did not, and why.
    pub silent: BTreeMap<HostName, String>,
    /// Blocks that come from last outcomes.
    pub blocks: usize,
    /// Files of the ledger that could not be read and are gone.
    pub removed: Vec<String>,
    /// It differed from what was recorded, so it was committed.
    pub changed: bool,
}

/// Takes the ledger as it is now and puts in what the hosts of an environment tell.
///
/// # Errors
/// The ledger or the transport does not work. A silent host is none.
pub async fn rebuild(
    controller: &Controller<'_>,
    environment: &EnvironmentName,
) -> Result<Rebuilt, ReconcileError> {
    attempt(controller, environment)
        .await
        .map_err(|error| match error {
            Failed::Pass(error) => error,
            Failed::Dispatch(error) => ReconcileError::from_dispatch(error, environment, 1),
        })
}

enum Failed {
    Pass(ReconcileError),
    Dispatch(DispatchError),
}

impl<E: Into<DispatchError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Dispatch(error.into())
    }
}

/// Whether the last step took the service away: then nothing is recorded of it.
fn is_gone(state: &CurrentState) -> bool {
    state.version.as_str() == NOTHING && state.outcome == Some(Outcome::Succeeded)
}

async fn attempt(controller: &Controller<'_>, name: &EnvironmentName) -> Result<Rebuilt, Failed> {
    let newest = controller.desired.newest().await?;
    let wanted = super::apply::environment(newest.as_ref(), name).map_err(Failed::Pass)?;
    let now = controller.clock.now();
    controller.ledger.accept().await?;
    let mut rebuilt = Rebuilt {
        removed: controller.ledger.mend(name, now).await?,
        ..Rebuilt::default()
    };
    let ledger = controller.ledger.read(name).await?;
    let mut books = Books::open(name, &ledger);

    let questions = questions(controller, wanted, &mut rebuilt).await?;
    let fleet = &newest.fleet().name;
    let asked = ask_hosts(controller, fleet, name, &questions).await?;
    let mut blocks = Vec::new();
    for (at, question) in questions.iter().enumerate() {
        let Some(states) = asked.current.get(&at) else {
            let silent = "online, and gave no answer".to_owned();
            rebuilt.silent.insert(question.host.clone(), silent);
            continue;
        };
        rebuilt.told.push(question.host.clone());
        let of_host = states.iter().filter(|it| it.host == question.host);
        let states: Vec<&CurrentState> = of_host.collect();
        let record = HostRecord {
            instance: question.instance.clone(),
            services: states
                .iter()
                .filter(|state| !is_gone(state))
                .map(|state| {
                    let before = ledger
                        .hosts
                        .get(&question.host)
                        .filter(|host| host.instance == question.instance)
                        .and_then(|host| host.services.get(&state.service));
                    let record = service(state, before.map(Box::as_ref), now);
                    (state.service.clone(), Box::new(record))
                })
                .collect(),
        };
        if !record.services.is_empty() || ledger.hosts.contains_key(&question.host) {
            books.set_host(&question.host, record);
        }
        for state in states {
            let environment = books.record_mut();
            environment.sequence = environment.sequence.max(state.sequence);
            blocks.extend(block(controller, name, state).await?);
        }
    }
    add_blocks(&mut books, &mut rebuilt, blocks);
    if let Some(open) = ledger.open {
        books.record_mut().open = None;
        end(controller, &mut books, open);
    }
    let told = rebuilt.told.len();
    let committed = books
        .commit(controller, None, &|_| {
            format!("{name}: rebuilt from what {told} hosts told")
        })
        .await?;
    rebuilt.changed = committed.is_some() || !rebuilt.removed.is_empty();
    Ok(rebuilt)
}

async fn questions(
    controller: &Controller<'_>,
    environment: &Environment,
    rebuilt: &mut Rebuilt,
) -> Result<Vec<Question>, DispatchError> {
    let instances: Vec<InstanceId> = environment
        .hosts
        .values()
        .map(|host| host.instance.clone())
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    let presence = controller.transport.inventory(&instances).await?;
    let mut questions = Vec::new();
    for host in environment.hosts.values() {
        match presence.get(&host.instance) {
            Some(Presence::Online(platform)) => questions.push(Question {
                host: host.name.clone(),
                instance: host.instance.clone(),
                platform: *platform,
                work: Work::Current,
            }),
            Some(Presence::Offline(why)) => {
                rebuilt.silent.insert(host.name.clone(), why.clone());
            }
            None => {
                let why = Presence::UNKNOWN.to_owned();
                rebuilt.silent.insert(host.name.clone(), why);
            }
        }
    }
    Ok(questions)
}

fn service(
    state: &CurrentState,
    before: Option<&ServiceRecord>,
    now: crate::model::time::Timestamp,
) -> ServiceRecord {
    let installed = |version: &Version| {
        (!matches!(version.as_str(), "none" | "unknown")).then(|| version.clone())
    };
    // What the ledger still knows of the same step is worth more than nothing.
    let same = before.filter(|before| {
        before.rollout == state.rollout
            && before.digest == state.digest
            && before.state != ServiceState::Unknown
    });
    ServiceRecord {
        version: installed(&state.version),
        previous_version: state.previous.as_ref().and_then(installed),
        digest: state.digest.clone(),
        scripts: same.and_then(|it| it.scripts.clone()),
        template: same.and_then(|it| it.template.clone()),
        redeploy: same.and_then(|it| it.redeploy.clone()),
        drifted_from: None,
        repaired: None,
        state: match state.outcome {
            Some(Outcome::RolledBack) => ServiceState::RolledBack,
            Some(Outcome::Failed | Outcome::Unknown) => ServiceState::Failed,
            _ => ServiceState::Healthy,
        },
        // The controller's time and the host's differ by a second or more: not a change.
        since: same.map_or_else(|| state.at.unwrap_or(now), |it| it.since),
        rollout: state.rollout.clone(),
        revision: match state.outcome {
            // The host names the commit of its last step, which is not that of what runs.
            Some(Outcome::RolledBack) => same.and_then(|it| it.revision.clone()),
            _ => state.revision.clone(),
        },
        previous_revision: same.and_then(|it| it.previous_revision.clone()),
        command: same.and_then(|it| it.command.clone()),
        seconds: same.map_or(0.0, |it| it.seconds),
        stages: same.map(|it| it.stages.clone()).unwrap_or_default(),
        facts: same.map(|it| it.facts.clone()).unwrap_or_default(),
        message: same.map(|it| it.message.clone()).unwrap_or_default(),
    }
}

/// What failed last on a host is what its revision wanted there. Whether that stopped a line is
/// not known any more, so nobody gets it.
async fn block(
    controller: &Controller<'_>,
    environment: &EnvironmentName,
    state: &CurrentState,
) -> Result<Option<Block>, DispatchError> {
    let failed = matches!(
        state.outcome,
        Some(Outcome::Failed | Outcome::RolledBack | Outcome::Unknown)
    );
    let (true, Some(revision), Some(rollout)) = (failed, &state.revision, &state.rollout) else {
        return Ok(None);
    };
    let Some(scripts) = controller.desired.at(revision).await? else {
        return Ok(None);
    };
    let Some(environment) = scripts.fleet().environments.get(environment) else {
        return Ok(None);
    };
    let Some((host, assignment)) = environment.assignment(&state.host, &state.service) else {
        return Ok(None);
    };
    let digests = scripts.digests(&environment.name, host, &state.service, assignment);
    Ok(digests.ok().map(|digests| Block {
        service: state.service.clone(),
        version: assignment.to().cloned(),
        definition: digests.definition,
        hosts: BlockedHosts::ALL,
        reason: format!("the last step on {} did not succeed", state.host),
        rollout: rollout.clone(),
        since: controller.clock.now(),
    }))
}

fn add_blocks(books: &mut Books, rebuilt: &mut Rebuilt, blocks: Vec<Block>) {
    let standing = &mut books.blocked_mut().blocks;
    for block in blocks {
        let same = |old: &Block| {
            old.service == block.service
                && old.version == block.version
                && old.definition == block.definition
                && matches!(old.hosts, BlockedHosts::All(_))
        };
        if !standing.iter().any(same) {
            standing.push(block);
            rebuilt.blocks += 1;
        }
    }
}

/// A rollout that was open has no controller any more that knows what it sent.
fn end(controller: &Controller<'_>, books: &mut Books, open: RolloutLedger) {
    let mut rollout = Rollout::load(open);
    let steps: Vec<Place> = rollout
        .waves()
        .iter()
        .flat_map(|wave| {
            let open = wave.steps.iter().enumerate();
            open.filter(|(_, step)| step.outcome.is_none())
                .map(|(index, _)| Place {
                    wave: wave.wave,
                    index,
                })
        })
        .collect();
    for place in steps {
        rollout.apply(RolloutEvent::StepEnded {
            place,
            outcome: Outcome::Unknown,
            version: None,
            message: "the ledger was rebuilt".to_owned(),
            seconds: None,
        });
    }
    rollout.apply(RolloutEvent::Stands {
        state: RolloutState::Failed,
        reason: "the ledger was rebuilt".to_owned(),
        at: controller.clock.now(),
    });
    rollout.count();
    let id = rollout.id().clone();
    for wave in rollout.waves() {
        if matches!(wave.kind, WaveKind::Forward | WaveKind::Rollback) {
            books.add(crate::model::ledger::Write::Wave(id.clone(), wave.clone()));
        }
    }
    books.close_rollout(rollout.record().clone());
}
