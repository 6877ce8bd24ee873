//! What a controller writes of an environment, and the commit that writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::ledger::{Committed, LedgerError};
use crate::model::event::EventKind;
use crate::model::id::{EnvironmentName, HostName, Revision, ServiceName};
use crate::model::ledger::{
    BlockedRecord, EnvironmentLedger, EnvironmentRecord, HostRecords, LedgerCommit, RolloutLedger,
    RolloutRecord, WaveRecord, Write,
};
use crate::model::observed::{HostRecord, ServiceRecord};
use crate::model::plan::{Change, RecordedPlan};
use crate::model::time::Timestamp;

use super::super::controller::Controller;
use super::super::error::DispatchError;
use super::super::state::{After, Rollout};

/// A push that did not clearly succeed is tried again for so long (protocol §2).
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(5);

/// When a push was begun, on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// For `not_after`.
    pub wall: Timestamp,
    /// For fences.
    pub monotonic: Duration,
}

/// The environment's files besides its rollout, as this controller last read or wrote them.
#[derive(Clone, Debug)]
pub struct Books {
    environment: EnvironmentName,
    tip: Option<Revision>,
    hosts: HostRecords,
    record: EnvironmentRecord,
    blocked: BlockedRecord,
    written: Written,
    extra: Vec<Write>,
}

/// What of it is in the ledger already.
#[derive(Clone, Debug, Default)]
struct Written {
    hosts: BTreeSet<HostName>,
    record: EnvironmentRecord,
    blocked: BlockedRecord,
    plan: bool,
    rollout: Option<RolloutRecord>,
    waves: BTreeMap<u32, WaveRecord>,
}

impl Books {
    /// The books of an environment as just read.
    pub fn open(environment: &EnvironmentName, ledger: &EnvironmentLedger) -> Self {
        Self {
            environment: environment.clone(),
            tip: ledger.tip.clone(),
            hosts: ledger.hosts.clone(),
            record: ledger.environment.clone(),
            blocked: ledger.blocked.clone(),
            written: Written {
                hosts: BTreeSet::new(),
                record: ledger.environment.clone(),
                blocked: ledger.blocked.clone(),
                plan: ledger.open.is_some(),
                rollout: ledger.open.as_ref().map(|open| open.record.clone()),
                waves: ledger
                    .open
                    .iter()
                    .flat_map(|open| &open.waves)
                    .map(|wave| (wave.wave, wave.clone()))
                    .collect(),
            },
            extra: Vec::new(),
        }
    }

    /// The rollout that was open goes: what follows is another one's.
    pub fn close_rollout(&mut self, record: RolloutRecord) {
        self.extra.push(Write::Rollout(Box::new(record)));
        self.record.open = None;
        self.written.plan = false;
        self.written.rollout = None;
        self.written.waves.clear();
    }

    /// Another file to write with the next commit.
    pub fn add(&mut self, write: Write) {
        self.extra.push(write);
    }

    /// `environment.yaml`.
    pub fn record(&self) -> &EnvironmentRecord {
        &self.record
    }

    /// `environment.yaml`, to change.
    pub fn record_mut(&mut self) -> &mut EnvironmentRecord {
        &mut self.record
    }

    /// `blocked.yaml`.
    pub fn blocked(&self) -> &BlockedRecord {
        &self.blocked
    }

    /// `blocked.yaml`, to change.
    pub fn blocked_mut(&mut self) -> &mut BlockedRecord {
        &mut self.blocked
    }

    /// What counts of a service on a host: not of another instance.
    pub fn service(&self, change: &Change) -> Option<&ServiceRecord> {
        self.hosts
            .get(&change.host)
            .filter(|host| host.instance == change.instance)?
            .services
            .get(&change.service)
            .map(Box::as_ref)
    }

    /// Every host's record.
    pub fn hosts(&self) -> &HostRecords {
        &self.hosts
    }

    /// Takes in what became of a service's record.
    pub fn take(&mut self, change: &Change, after: After) {
        match after {
            After::Record(record) => {
                self.set_service(&change.host, &change.instance, &change.service, *record);
            }
            After::Gone => {
                let known = self.hosts.get(&change.host);
                let Some(host) = known.filter(|host| host.instance == change.instance) else {
                    return;
                };
                let mut host = HostRecord::clone(host);
                host.services.remove(&change.service);
                self.set_host(&change.host, host);
            }
        }
    }

    /// Replaces a host's record.
    pub fn set_host(&mut self, host: &HostName, record: HostRecord) {
        if self.hosts.get(host).is_none_or(|known| **known != record) {
            self.hosts.insert(host.clone(), Arc::new(record));
            self.written.hosts.insert(host.clone());
        }
    }

    /// Records a service on a host; what was recorded of another instance goes.
    pub fn set_service(
        &mut self,
        host: &HostName,
        instance: &crate::model::id::InstanceId,
        service: &ServiceName,
        record: ServiceRecord,
    ) {
        let empty = || HostRecord {
            instance: instance.clone(),
            services: BTreeMap::new(),
        };
        let entry = self.hosts.entry(host.clone());
        let entry = Arc::make_mut(entry.or_insert_with(|| Arc::new(empty())));
        if entry.instance != *instance {
            *entry = empty();
        }
        entry.services.insert(service.clone(), Box::new(record));
        self.written.hosts.insert(host.clone());
    }

    fn writes(&self, rollout: Option<&Rollout>) -> Vec<Write> {
        let mut writes = self.extra.clone();
        if self.record != self.written.record {
            writes.push(Write::Environment(self.record.clone()));
        }
        writes.extend(self.written.hosts.iter().filter_map(|host| {
            let record = self.hosts.get(host)?;
            Some(Write::Host(host.clone(), HostRecord::clone(record)))
        }));
        if self.blocked != self.written.blocked {
            writes.push(Write::Blocked(self.blocked.clone()));
        }
        if let Some(rollout) = rollout {
            if !self.written.plan {
                writes.push(Write::Plan(
                    rollout.id().clone(),
                    Box::new(recorded(rollout.plan())),
                ));
            }
            if self.written.rollout.as_ref() != Some(rollout.record()) {
                writes.push(Write::Rollout(Box::new(rollout.record().clone())));
            }
            writes.extend(
                rollout
                    .waves()
                    .iter()
                    .filter(|wave| self.written.waves.get(&wave.wave) != Some(wave))
                    .map(|wave| Write::Wave(rollout.id().clone(), wave.clone())),
            );
        }
        writes
    }

    fn wrote(&mut self, tip: Option<Revision>, rollout: Option<&Rollout>) {
        self.tip = tip;
        self.extra.clear();
        self.written.hosts.clear();
        self.written.record = self.record.clone();
        self.written.blocked = self.blocked.clone();
        if let Some(rollout) = rollout {
            self.written.plan = true;
            self.written.rollout = Some(rollout.record().clone());
            for wave in rollout.waves() {
                if self.written.waves.get(&wave.wave) != Some(wave) {
                    self.written.waves.insert(wave.wave, wave.clone());
                }
            }
        }
    }

    /// Commits what is not in the ledger yet. None where there is nothing to commit; else when the
    /// push was begun that is in.
    ///
    /// # Errors
    /// [`DispatchError::LostRace`]: nothing of ours is in, and nothing may be sent.
    pub async fn commit(
        &mut self,
        controller: &Controller<'_>,
        rollout: Option<&mut Rollout>,
        subject: &dyn Fn(Option<&Rollout>) -> String,
    ) -> Result<Option<Moment>, DispatchError> {
        let rollout = rollout.map(|rollout| {
            rollout.count();
            &*rollout
        });
        let writes = self.writes(rollout);
        if writes.is_empty() {
            return Ok(None);
        }
        let commit = LedgerCommit {
            environment: self.environment.clone(),
            base: self.tip.clone(),
            subject: subject(rollout),
            trailers: rollout.map(trailers).unwrap_or_default(),
            writes,
            at: controller.clock.now(),
        };
        let (tip, begun) = push(controller, &commit).await?;
        self.wrote(tip, rollout);
        Ok(Some(begun))
    }
}

/// `plan.json` says what runs; what is as desired is not in it.
fn recorded(plan: &RecordedPlan) -> RecordedPlan {
    let mut plan = plan.clone();
    plan.plan.unchanged.clear();
    plan
}

fn trailers(rollout: &Rollout) -> Vec<(&'static str, String)> {
    let record = rollout.record();
    vec![
        ("Fleet-Rollout", record.id.to_string()),
        ("Fleet-Plan", record.plan_id.to_string()),
        ("Fleet-Revision", record.revision.to_string()),
        ("Fleet-Outcome", record.state.as_str().to_owned()),
    ]
}

/// Pushes until it is in, is lost to another controller, or patience ends.
async fn push(
    controller: &Controller<'_>,
    commit: &LedgerCommit,
) -> Result<(Option<Revision>, Moment), DispatchError> {
    let moment = || Moment {
        wall: controller.clock.now(),
        monotonic: controller.clock.monotonic(),
    };
    let first = moment();
    let mut said = false;
    loop {
        let begun = moment();
        let error = match controller.ledger.commit(commit).await {
            Ok(Committed::Accepted(tip)) => return Ok((Some(tip), begun)),
            Ok(Committed::Lost(_)) => return Err(DispatchError::LostRace),
            Err(error) if error.is_transient() => error,
            Err(error) => return Err(error.into()),
        };
        if !said {
            said = true;
            let until = first.wall + PATIENCE;
            let reason = format!("{error}; tried again until {until}");
            let gates = Vec::new();
            controller.emit(
                &commit.environment,
                None,
                EventKind::Waiting { gates, reason },
            );
        }
        // Whether it arrived is not known: what the ledger holds decides, and the fence counts
        // from the first push that may be the one.
        loop {
            if controller.clock.monotonic().saturating_sub(first.monotonic) >= PATIENCE {
                return Err(error.into());
            }
            controller.sleep(controller.random.jitter(PAUSE)).await;
            if controller.is_stopping() {
                return Err(error.into());
            }
            match controller.ledger.fetch().await {
                Ok(()) => break,
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error.into()),
            }
        }
        let there = controller.ledger.read(&commit.environment).await?;
        if holds(controller, commit, &there).await? {
            return Ok((there.tip, first));
        }
    }
}

/// Whether an environment's ledger is exactly what a commit of ours makes of it. A foreign commit
/// behind ours would have changed the wave's writer, or another file.
async fn holds(
    controller: &Controller<'_>,
    commit: &LedgerCommit,
    there: &EnvironmentLedger,
) -> Result<bool, LedgerError> {
    if there.tip == commit.base {
        return Ok(false);
    }
    for write in &commit.writes {
        let same = match write {
            Write::Host(host, record) => there.hosts.get(host).is_some_and(|it| **it == *record),
            Write::Environment(record) => there.environment == *record,
            Write::Blocked(record) => there.blocked == *record,
            Write::Plan(id, plan) => rollout(controller, commit, there, id)
                .await?
                .is_some_and(|open| open.plan == **plan),
            Write::Rollout(record) => rollout(controller, commit, there, &record.id)
                .await?
                .is_some_and(|open| open.record == **record),
            Write::Wave(id, wave) => rollout(controller, commit, there, id)
                .await?
                .is_some_and(|open| open.waves.contains(wave)),
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn rollout(
    controller: &Controller<'_>,
    commit: &LedgerCommit,
    there: &EnvironmentLedger,
    id: &crate::model::id::RolloutId,
) -> Result<Option<RolloutLedger>, LedgerError> {
    match &there.open {
        Some(open) if open.record.id == *id => Ok(Some(open.clone())),
        _ => controller.ledger.rollout(&commit.environment, id).await,
    }
}
