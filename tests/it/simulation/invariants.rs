//! The invariants of design.md §12, judged from what hosts did and what is in the ledger. Nothing
//! here asks a controller.

use std::collections::{BTreeMap, BTreeSet};

use fleet::model::id::{HostName, InstanceId, RolloutId, StepId};
use fleet::model::ledger::{BlockedRecord, RolloutLedger, StepRecord, WaveKind, Write};
use fleet::model::observed::ServiceState;
use fleet::model::plan::Action;
use fleet::model::policy::{AfterCanary, Strategy};
use fleet::model::report::{Outcome, ReportOutcome};
use fleet::model::statement::Verb;
use fleet::model::time::Seconds;
use fleet::transport::memory::{HostAction, HostActionKind, Stage};

use super::desired::{environment, instance};
use super::world::World;

/// Everything that is wrong, in words.
pub(crate) fn violations(world: &World) -> Vec<String> {
    let rollouts = rollouts(world);
    let history = world.transport.history();
    let mut wrong = Vec::new();
    at_most_once(&rollouts, &history, &mut wrong);
    truthful(&rollouts, &history, &mut wrong);
    for rollout in &rollouts {
        few_unavailable(rollout, &history, &mut wrong);
        few_on_an_instance(rollout, &history, &mut wrong);
        canary_first(rollout, &mut wrong);
    }
    one_open_wave(world, &mut wrong);
    nothing_blocked(world, &mut wrong);
    intent_first(world, &mut wrong);
    healthy_is_healthy(world, &mut wrong);
    wrong
}

fn rollouts(world: &World) -> Vec<RolloutLedger> {
    let commits = world.ledger.commits();
    let ids: BTreeSet<RolloutId> = commits
        .iter()
        .flat_map(|commit| &commit.writes)
        .filter_map(|write| match write {
            Write::Plan(id, _) => Some(id.clone()),
            _ => None,
        })
        .collect();
    let found = ids
        .iter()
        .filter_map(|id| world.ledger.rollout_now(&environment(), id));
    found.collect()
}

fn steps(rollout: &RolloutLedger) -> impl Iterator<Item = &StepRecord> {
    rollout.waves.iter().flat_map(|wave| &wave.steps)
}

/// Invariant 2: a step takes effect at most once.
fn at_most_once(rollouts: &[RolloutLedger], history: &[HostAction], wrong: &mut Vec<String>) {
    let mut deploys: BTreeMap<&StepId, usize> = BTreeMap::new();
    for action in history {
        if matches!(
            action.kind,
            HostActionKind::Deploy(_) | HostActionKind::Remove
        ) {
            *deploys.entry(&action.step).or_default() += 1;
        }
    }
    for step in rollouts.iter().flat_map(steps) {
        let times = deploys.remove(&step.step).unwrap_or(0);
        if times > 1 {
            wrong.push(format!(
                "{} on {} ran {times} times",
                step.service, step.host
            ));
        }
    }
    if !deploys.is_empty() {
        wrong.push(format!("{} steps ran without an intent", deploys.len()));
    }
}

/// What the ledger says of a step is what its host did.
fn truthful(rollouts: &[RolloutLedger], history: &[HostAction], wrong: &mut Vec<String>) {
    for step in rollouts.iter().flat_map(steps) {
        let of_step = || history.iter().filter(|action| action.step == step.step);
        let touched = of_step().any(|action| {
            matches!(
                action.kind,
                HostActionKind::Deploy(_) | HostActionKind::Remove | HostActionKind::Rollback(_)
            )
        });
        let reported =
            |wanted| of_step().any(|action| action.kind == HostActionKind::Reported(wanted));
        let fits = match step.outcome {
            Some(Outcome::Succeeded) => reported(ReportOutcome::Succeeded),
            Some(Outcome::RolledBack) => reported(ReportOutcome::RolledBack),
            Some(Outcome::Failed) => reported(ReportOutcome::Failed),
            Some(Outcome::Refused) => !touched && reported(ReportOutcome::Refused),
            Some(Outcome::Untouched | Outcome::Deferred | Outcome::Superseded) => !touched,
            Some(Outcome::Unknown) | None => true,
        };
        if !fits {
            let did: Vec<_> = of_step().map(|action| &action.kind).collect();
            wrong.push(format!(
                "the ledger says {:?} of {} {} on {}, and the host did {did:?}",
                step.outcome,
                step.action.as_str(),
                step.service,
                step.host
            ));
        }
    }
}

/// Invariant 3: never more hosts unavailable than the wave and `max_failures` allow.
fn few_unavailable(rollout: &RolloutLedger, history: &[HostAction], wrong: &mut Vec<String>) {
    let of_rollout: BTreeMap<&StepId, &StepRecord> =
        steps(rollout).map(|step| (&step.step, step)).collect();
    let largest = rollout
        .waves
        .iter()
        .filter(|wave| wave.kind == WaveKind::Forward)
        .map(|wave| {
            let hosts: BTreeSet<&HostName> = wave.steps.iter().map(|step| &step.host).collect();
            hosts.len()
        })
        .max()
        .unwrap_or(0);
    let policy = &rollout.plan.policy.rollout;
    let allowed = largest + policy.max_failures as usize;
    // In flight, unknown or failed, by the way the host was going.
    let mut forward: BTreeSet<&HostName> = BTreeSet::new();
    let mut back: BTreeSet<&HostName> = BTreeSet::new();
    for action in history {
        let Some(step) = of_rollout.get(&action.step) else {
            continue;
        };
        let goes_back = step.action == Action::Rollback;
        let set = if goes_back { &mut back } else { &mut forward };
        match &action.kind {
            HostActionKind::Started | HostActionKind::Reported(ReportOutcome::Failed) => {
                set.insert(&step.host);
            }
            // What was cut off before it touched anything left the service as it was.
            HostActionKind::Reported(_)
            | HostActionKind::Killed(Stage::Observe | Stage::Preflight) => {
                set.remove(&step.host);
            }
            _ => {}
        }
        // Going back must be possible where the failed ones are as many as are allowed: one at a
        // time, until it failed itself more often than that.
        let allowed = if goes_back {
            allowed.max(forward.len() + policy.max_failures as usize + 1)
        } else {
            allowed
        };
        let both: BTreeSet<_> = forward.union(&back).collect();
        if action.kind == HostActionKind::Started && both.len() > allowed {
            wrong.push(format!(
                "{} hosts of {} are unavailable at once, {allowed} may be: {both:?}",
                both.len(),
                rollout.record.id
            ));
            return;
        }
    }
}

/// Never more hosts of an instance run a step at once than the policy allows.
fn few_on_an_instance(rollout: &RolloutLedger, history: &[HostAction], wrong: &mut Vec<String>) {
    let allowed = rollout.plan.policy.rollout.per_instance as usize;
    let of_rollout: BTreeSet<&StepId> = steps(rollout).map(|step| &step.step).collect();
    let mut running: BTreeSet<(&InstanceId, &StepId)> = BTreeSet::new();
    for action in history {
        if !of_rollout.contains(&action.step) {
            continue;
        }
        let key = (&action.instance, &action.step);
        match action.kind {
            HostActionKind::Started => {
                running.insert(key);
            }
            HostActionKind::Reported(_) | HostActionKind::Killed(_) => {
                running.remove(&key);
            }
            _ => {}
        }
        let there = running.iter().filter(|(id, _)| *id == key.0).count();
        if there > allowed {
            wrong.push(format!(
                "{there} steps of {} run on {} at once, {allowed} may",
                rollout.record.id, key.0
            ));
            return;
        }
    }
}

/// Nothing follows a first wave before its soak is over and well, and nothing a canary that did not
/// pass, or behind which a person is to be asked, before that person's word.
fn canary_first(rollout: &RolloutLedger, wrong: &mut Vec<String>) {
    let policy = &rollout.plan.policy.rollout;
    let forward = |number: u32| {
        rollout
            .waves
            .iter()
            .find(|wave| wave.kind == WaveKind::Forward && wave.wave == number)
    };
    let (Some(first), Some(second)) = (forward(1), forward(2)) else {
        return;
    };
    if rollout.plan.returning || second.steps.is_empty() {
        return;
    }
    let id = &rollout.record.id;
    let continued = rollout
        .record
        .statements
        .iter()
        .any(|said| said.verb == Verb::Continue && said.result == "done");
    let succeeded = |step: &&StepRecord| step.outcome == Some(Outcome::Succeeded);
    let passed = first.steps.iter().any(|step| succeeded(&step));
    if policy.soak > Seconds(0) && passed {
        match rollout.record.soak_until {
            Some(until) if second.intent_at >= until => {}
            until => wrong.push(format!("{id} did not soak until {until:?}")),
        }
    }
    let unwell = first.steps.iter().filter(|step| step.soak.is_some());
    let unwell: BTreeSet<&HostName> = unwell.map(|step| &step.host).collect();
    if unwell.len() > policy.max_failures as usize && !continued {
        wrong.push(format!("{id} went on although {unwell:?} did not last"));
    }
    if policy.strategy == Strategy::Canary && !continued {
        if !passed {
            wrong.push(format!("{id} went on behind a canary that did not pass"));
        } else if policy.after_canary == AfterCanary::Wait {
            wrong.push(format!("{id} asked nobody behind its canary"));
        }
    }
}

/// Invariant 8: no wave starts while another's outcome is unrecorded.
fn one_open_wave(world: &World, wrong: &mut Vec<String>) {
    let mut open: BTreeSet<(RolloutId, u32)> = BTreeSet::new();
    let mut known: BTreeSet<(RolloutId, u32)> = BTreeSet::new();
    for commit in world.ledger.commits() {
        for write in &commit.writes {
            let Write::Wave(id, wave) = write else {
                continue;
            };
            let key = (id.clone(), wave.wave);
            known.insert(key.clone());
            if wave.is_open() {
                open.insert(key);
            } else {
                open.remove(&key);
            }
        }
        if open.len() > 1 {
            wrong.push(format!("{:?} opens a second wave", commit.subject));
            return;
        }
    }
}

/// Invariant 5: no plan is recorded with a change that was blocked before.
fn nothing_blocked(world: &World, wrong: &mut Vec<String>) {
    let mut blocked = BlockedRecord::default();
    for commit in world.ledger.commits() {
        let before = blocked.clone();
        for write in &commit.writes {
            if let Write::Blocked(record) = write {
                blocked = record.clone();
            }
        }
        for write in &commit.writes {
            let Write::Plan(_, plan) = write else {
                continue;
            };
            for change in &plan.plan.changes {
                let matches = |record: &BlockedRecord| {
                    record.blocks.iter().any(|block| {
                        block.service == change.service
                            && block.version == change.to
                            && block.hosts.contains(&change.host)
                    })
                };
                if matches(&before) && matches(&blocked) {
                    wrong.push(format!(
                        "{} {:?} on {} was blocked and is planned",
                        change.service, change.to, change.host
                    ));
                }
            }
        }
    }
}

/// Nothing is accepted by the service before its intent is in the ledger, nor after its outcome.
fn intent_first(world: &World, wrong: &mut Vec<String>) {
    let commits = world.ledger.commits();
    for sent in world.transport.accepted() {
        let comment = &sent.comment;
        if comment.round == 0 {
            continue;
        }
        let of_wave = |write: &Write| match write {
            Write::Wave(id, wave) if *id == comment.rollout && wave.wave == comment.wave => {
                Some(wave.is_open())
            }
            _ => None,
        };
        let intended = commits
            .iter()
            .find(|commit| commit.writes.iter().any(|write| of_wave(write).is_some()))
            .is_some_and(|commit| commit.at <= sent.sent_at);
        if !intended {
            wrong.push(format!("{comment} was sent before its intent was recorded"));
        }
        let closed = commits
            .iter()
            .find(|commit| {
                let open = commit.writes.iter().filter_map(of_wave).next();
                open == Some(false)
            })
            .map(|commit| commit.at);
        if closed.is_some_and(|closed| closed < sent.sent_at) {
            wrong.push(format!("{comment} was sent after its wave was closed"));
        }
    }
}

/// What the ledger calls healthy runs there, as long as nobody touches it.
fn healthy_is_healthy(world: &World, wrong: &mut Vec<String>) {
    for (host, record) in &world.recorded().hosts {
        for (service, record) in &record.services {
            let proven = matches!(
                record.state,
                ServiceState::Healthy | ServiceState::RolledBack
            );
            let runs = world
                .transport
                .installed(&instance(host.as_str()), host, service);
            if proven && runs != record.version {
                wrong.push(format!(
                    "{service} on {host} is {:?} in the ledger and {runs:?} there",
                    record.version
                ));
            }
        }
    }
}
