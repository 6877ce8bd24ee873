//! The records of one environment, and what no controller may do to them (protocol §2).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::id::{Revision, RolloutId};
use crate::model::ledger::{
    BlockedRecord, EnvironmentRecord, HostRecords, LedgerCommit, RolloutLedger, RolloutRecord,
    WaveRecord, Write,
};
use crate::model::plan::RecordedPlan;
use crate::model::report::Outcome;

#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    pub(super) tip: Option<Revision>,
    pub(super) hosts: HostRecords,
    pub(super) environment: EnvironmentRecord,
    pub(super) blocked: BlockedRecord,
    rollouts: BTreeMap<RolloutId, Rollout>,
}

#[derive(Clone, Debug, Default)]
struct Rollout {
    plan: Option<RecordedPlan>,
    record: Option<RolloutRecord>,
    waves: BTreeMap<u32, WaveRecord>,
}

impl Records {
    pub(super) fn rollout(&self, id: &RolloutId) -> Option<RolloutLedger> {
        let rollout = self.rollouts.get(id)?;
        Some(RolloutLedger {
            plan: rollout.plan.clone()?,
            record: rollout.record.clone()?,
            waves: rollout.waves.values().cloned().collect(),
        })
    }

    pub(super) fn rollouts(&self) -> Vec<RolloutRecord> {
        let newest_first = self.rollouts.values().rev();
        newest_first.filter_map(|it| it.record.clone()).collect()
    }

    pub(super) fn apply(&mut self, write: &Write) {
        match write {
            Write::Host(host, record) => {
                self.hosts.insert(host.clone(), Arc::new(record.clone()));
            }
            Write::Environment(record) => self.environment = record.clone(),
            Write::Blocked(record) => self.blocked = record.clone(),
            Write::Plan(id, plan) => self.at(id).plan = Some(RecordedPlan::clone(plan)),
            Write::Rollout(record) => {
                self.at(&record.id).record = Some(RolloutRecord::clone(record));
            }
            Write::Wave(id, wave) => {
                self.at(id).waves.insert(wave.wave, wave.clone());
            }
        }
    }

    fn at(&mut self, id: &RolloutId) -> &mut Rollout {
        self.rollouts.entry(id.clone()).or_default()
    }

    fn wave(&self, id: &RolloutId, number: u32) -> Option<&WaveRecord> {
        self.rollouts.get(id)?.waves.get(&number)
    }

    fn plan(&self, id: &RolloutId) -> Option<&RecordedPlan> {
        self.rollouts.get(id)?.plan.as_ref()
    }

    fn record(&self, id: &RolloutId) -> Option<&RolloutRecord> {
        self.rollouts.get(id)?.record.as_ref()
    }

    fn is_same(&self, write: &Write) -> bool {
        match write {
            Write::Host(host, record) => self.hosts.get(host).is_some_and(|it| **it == *record),
            Write::Environment(record) => self.environment == *record,
            Write::Blocked(record) => self.blocked == *record,
            Write::Plan(id, plan) => self.plan(id) == Some(&**plan),
            Write::Rollout(record) => self.record(&record.id) == Some(&**record),
            Write::Wave(id, wave) => self.wave(id, wave.wave) == Some(wave),
        }
    }
}

/// Whether a commit that was decided on `before` may be made on `now`. The two differ where own
/// commits lie between them whose push was unclear: what comes next repeats them.
pub(super) fn judge(before: &Records, now: &Records, commit: &LedgerCommit) -> Result<(), String> {
    let mut after = now.clone();
    for (index, write) in commit.writes.iter().enumerate() {
        if commit.writes[..index]
            .iter()
            .any(|b| file(b) == file(write))
        {
            return Err(format!("it writes {} twice", file(write)));
        }
        match write {
            Write::Plan(id, plan)
                if before.plan(id).is_some() || now.plan(id).is_some_and(|was| *was != **plan) =>
            {
                return Err(format!("plan.json of {id} is written once and for all"));
            }
            Write::Wave(id, wave) => judge_wave(before, now, id, wave)?,
            Write::Environment(record) if record.sequence < now.environment.sequence => {
                return Err("the sequence of the environment goes back".to_owned());
            }
            Write::Rollout(record) if record.environment != commit.environment => {
                return Err(format!("{} is of another environment", record.id));
            }
            _ => {}
        }
        after.apply(write);
    }
    if commit.writes.iter().all(|write| now.is_same(write)) {
        return Err("it changes nothing, so the environment's tip would stay".to_owned());
    }
    judge_whole(now, &after, commit)
}

/// An intent is new above every sequence before it; afterwards only outcomes come in.
fn judge_wave(
    before: &Records,
    now: &Records,
    id: &RolloutId,
    wave: &WaveRecord,
) -> Result<(), String> {
    let number = wave.wave;
    if before.wave(id, number).is_none() {
        if wave.sequence <= before.environment.sequence {
            return Err(format!(
                "the intent of wave {number} has sequence {}, and the environment had {} before",
                wave.sequence, before.environment.sequence
            ));
        }
        let early = wave.steps.iter().find(|step| {
            let never_sent = [Outcome::Deferred, Outcome::Untouched, Outcome::Superseded];
            step.outcome.is_some_and(|it| !never_sent.contains(&it))
        });
        if let Some(step) = early {
            return Err(format!(
                "the intent of wave {number} comes with an outcome of {}",
                step.host
            ));
        }
    }
    let Some(was) = now.wave(id, number) else {
        return Ok(());
    };
    let intent = |wave: &WaveRecord| (wave.kind, wave.sequence, wave.intent_at, wave.steps.len());
    if intent(was) != intent(wave) {
        return Err(format!("the intent of wave {number} is written over"));
    }
    for (was, step) in was.steps.iter().zip(&wave.steps) {
        if (&was.step, &was.host, &was.service, was.round)
            != (&step.step, &step.host, &step.service, step.round)
        {
            return Err(format!("a step of wave {number} became another one"));
        }
        if was.outcome.is_some() && was.outcome != step.outcome {
            return Err(format!(
                "the outcome {:?} of {} on {} is written over with {:?}",
                was.outcome, step.service, step.host, step.outcome
            ));
        }
    }
    Ok(())
}

/// What must hold between the files once all of them are written.
fn judge_whole(now: &Records, after: &Records, commit: &LedgerCommit) -> Result<(), String> {
    if let Some(id) = &after.environment.open {
        match after.record(id) {
            Some(record) if record.state.is_over() => {
                return Err(format!(
                    "environment.yaml names {id} as open, and it is over"
                ));
            }
            None => return Err(format!("environment.yaml names {id}, which has no record")),
            Some(_) => {}
        }
    }
    if let Some(id) = &now.environment.open
        && after.record(id).is_some_and(|it| !it.state.is_over())
        && after.environment.open.as_ref() != Some(id)
    {
        return Err(format!("{id} is not over and no longer open"));
    }
    for write in &commit.writes {
        match write {
            Write::Rollout(record) => judge_rollout(now, after, record)?,
            Write::Wave(id, wave) => {
                if after.plan(id).is_none() {
                    return Err(format!("wave {} of {id} has no plan", wave.wave));
                }
                if after.environment.sequence < wave.sequence {
                    return Err("environment.yaml has not the sequence of the wave".to_owned());
                }
                for earlier in 1..wave.wave {
                    match after.wave(id, earlier) {
                        None => return Err(format!("there is no wave {earlier} of {id}")),
                        Some(wave) if wave.is_open() => {
                            return Err(format!("wave {earlier} of {id} is still open"));
                        }
                        Some(_) => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn judge_rollout(now: &Records, after: &Records, record: &RolloutRecord) -> Result<(), String> {
    let id = &record.id;
    let Some(plan) = after.plan(id) else {
        return Err(format!("{id} has no plan"));
    };
    if (&plan.plan.plan_id, &plan.revision) != (&record.plan_id, &record.revision) {
        return Err(format!("the record of {id} is not of its plan"));
    }
    if let Some(was) = now.record(id)
        && was.state.is_over()
        && was.state != record.state
    {
        return Err(format!("{id} is over and becomes {:?}", record.state));
    }
    if !record.state.is_over() && after.environment.open.as_ref() != Some(id) {
        return Err(format!(
            "{id} is not over, and environment.yaml does not name it"
        ));
    }
    let mut waves = after
        .rollouts
        .get(id)
        .into_iter()
        .flat_map(|it| it.waves.values());
    if record.state.is_over() && waves.any(WaveRecord::is_open) {
        return Err(format!("{id} is over with a wave open"));
    }
    Ok(())
}

fn file(write: &Write) -> String {
    match write {
        Write::Host(host, _) => format!("the record of host {host}"),
        Write::Environment(_) => "environment.yaml".to_owned(),
        Write::Blocked(_) => "blocked.yaml".to_owned(),
        Write::Plan(id, _) => format!("plan.json of {id}"),
        Write::Rollout(record) => format!("rollout.yaml of {}", record.id),
        Write::Wave(id, wave) => format!("wave {} of {id}", wave.wave),
    }
}
