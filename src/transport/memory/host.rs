//! A simulated host: protocol §1 without the shell. Given what a host holds and what arrives, it
//! works out the whole run at once as a timeline; the world then lets the moments happen.

use std::collections::BTreeMap;
use std::time::Duration;

use super::fate::{Behaviour, Ending, Fates, HostActionKind, Script, Stage};
use crate::model::id::{HostName, InstanceId, ServiceName, StepId, Version};
use crate::model::plan::Action;
use crate::model::report::{CurrentState, Outcome, Report, ReportOutcome};
use crate::model::task::{AnswerContent, ObserveTask, StepTask, Work};
use crate::model::time::Timestamp;

/// At most so many steps are asked about at once (protocol §1).
const MAX_ASKED: usize = 4;

/// What a host holds of one service.
#[derive(Clone, Debug, Default)]
pub(super) struct ServiceState {
    pub(super) installed: Option<Version>,
    pub(super) current: Option<CurrentState>,
    sequence: u64,
    receipts: BTreeMap<StepId, Report>,
    marker: Option<Marker>,
}

/// A step that has begun and has no report yet.
#[derive(Clone, Debug)]
struct Marker {
    task: StepTask,
    behaviour: Behaviour,
    stage: Stage,
    /// What the first observe printed.
    found: Option<Version>,
    started: Timestamp,
}

/// What a host holds of all services.
pub(super) type Services = BTreeMap<(HostName, ServiceName), ServiceState>;

/// One run of the runner, from the taking of the lock.
pub(super) struct Timeline {
    pub(super) moments: Vec<Moment>,
    pub(super) takes: Duration,
    /// None: the runner was killed.
    pub(super) answer: Option<AnswerContent>,
}

/// What becomes visible at one moment of a run.
#[derive(Debug)]
pub(super) struct Moment {
    pub(super) after: Duration,
    pub(super) service: ServiceName,
    pub(super) state: ServiceState,
    pub(super) actions: Vec<(StepId, HostActionKind)>,
}

/// Where and when a run takes place.
pub(super) struct Place<'a> {
    pub(super) instance: &'a InstanceId,
    pub(super) host: &'a HostName,
    /// The host's own clock at the start.
    pub(super) time: Timestamp,
    /// The stage in which the runner is killed.
    pub(super) killed_in: Option<Stage>,
}

/// Works out one run.
pub(super) fn run(
    place: &Place<'_>,
    services: &Services,
    work: &Work,
    fates: &mut Fates,
) -> Timeline {
    let mut runner = Runner {
        place,
        fates,
        service: ServiceName::from(""),
        state: ServiceState::default(),
        at: Duration::ZERO,
        pending: Vec::new(),
        moments: Vec::new(),
    };
    let answer = match work {
        Work::Step(task) => {
            runner.enter(services, &task.service);
            runner
                .step(task)
                .map(|report| vec![report])
                .map(AnswerContent::Reports)
        }
        Work::Ask { service, steps } => {
            assert!(
                steps.len() <= MAX_ASKED,
                "asked about {} steps",
                steps.len()
            );
            runner.enter(services, service);
            runner.ask(steps).map(AnswerContent::Reports)
        }
        Work::Current => runner.current(services).map(AnswerContent::Current),
        Work::Observe(task) => {
            runner.enter(services, &task.service);
            runner
                .observe(task)
                .map(|report| vec![report])
                .map(AnswerContent::Reports)
        }
    };
    runner.moment();
    Timeline {
        moments: runner.moments,
        takes: runner.at,
        answer: answer.ok(),
    }
}

/// The runner is dead: nothing more happens in this run.
struct Killed;

struct Runner<'a> {
    place: &'a Place<'a>,
    fates: &'a mut Fates,
    service: ServiceName,
    state: ServiceState,
    at: Duration,
    pending: Vec<(StepId, HostActionKind)>,
    moments: Vec<Moment>,
}

impl Runner<'_> {
    fn enter(&mut self, services: &Services, service: &ServiceName) {
        let key = (self.place.host.clone(), service.clone());
        self.state = services.get(&key).cloned().unwrap_or_default();
        self.service = service.clone();
    }

    fn step(&mut self, task: &StepTask) -> Result<Report, Killed> {
        if let Some(report) = self.state.receipts.get(&task.step).cloned() {
            self.note(&task.step, HostActionKind::Repeated(report.outcome));
            return Ok(report);
        }
        if let Some(marker) = self.state.marker.clone() {
            let report = self.close(&marker)?;
            if let Some(report) = report.filter(|report| report.step == task.step) {
                return Ok(report);
            }
        }
        if task.sequence < self.state.sequence {
            let highest = self.state.sequence;
            let mut report = self.turn_away(
                task,
                ReportOutcome::Superseded,
                format!("sequence {} is below {highest}", task.sequence),
            );
            report.sequence = Some(highest);
            return Ok(report);
        }
        let now = self.now();
        if now > task.not_after {
            let message = format!("too late: {now} here, wanted by {}", task.not_after);
            return Ok(self.turn_away(task, ReportOutcome::Refused, message));
        }
        let behaviour = self.fates.of_script(&Script {
            instance: self.place.instance,
            service: &task.service,
            version: &task.version,
            undo: task.action == Action::Rollback,
        });
        if behaviour.ending == Ending::RefuseEarly {
            let message = "no space left on device".to_owned();
            return Ok(self.turn_away(task, ReportOutcome::Refused, message));
        }
        self.state.sequence = task.sequence;
        self.state.current = Some(CurrentState {
            sequence: task.sequence,
            ..self.known()
        });
        self.state.marker = Some(Marker {
            task: task.clone(),
            behaviour,
            stage: Stage::Observe,
            found: None,
            started: now,
        });
        self.note(&task.step, HostActionKind::Started);
        self.phases(task, behaviour)
    }

    fn phases(&mut self, task: &StepTask, behaviour: Behaviour) -> Result<Report, Killed> {
        self.stage(Stage::Observe)?;
        let found = self.state.installed.clone();
        if let Some(marker) = &mut self.state.marker {
            marker.found = found.clone();
        }
        if task.action == Action::Rollback {
            return self.undo(task, behaviour);
        }
        if task.action == Action::Remove {
            return self.take_away(task, behaviour);
        }
        if let (Action::Install, Some(found), true) = (task.action, &found, self.names_none()) {
            let message = format!("{found} already runs here, and not by fleet");
            return Ok(self.finish(ReportOutcome::Refused, Stage::Observe, message));
        }
        self.stage(Stage::Preflight)?;
        if behaviour.ending == Ending::Refuse {
            let message = "preflight said no".to_owned();
            return Ok(self.finish(ReportOutcome::Refused, Stage::Preflight, message));
        }
        let current = self.state.current.as_ref();
        let has_it =
            current.is_some_and(|c| c.digest.as_ref() == Some(&task.bundle.digests.digest));
        if !(task.action == Action::Install && has_it) {
            self.note(&task.step, HostActionKind::Deploy(task.version.clone()));
            self.stage(Stage::Deploy)?;
            self.state.installed = Some(task.version.clone());
        }
        match behaviour.ending {
            Ending::RollBack | Ending::Fail => return self.roll_back(Stage::Deploy, "it failed"),
            Ending::Hang => {
                self.at += task.timeout.duration();
                return self.roll_back(Stage::Deploy, "it took too long");
            }
            _ => {}
        }
        self.stage(Stage::Verify)?;
        if behaviour.ending == Ending::RollBackVerify {
            return self.roll_back(Stage::Verify, "it failed");
        }
        self.stage(Stage::ObserveAgain)?;
        Ok(self.finish(ReportOutcome::Succeeded, Stage::ObserveAgain, String::new()))
    }

    /// A step of action `remove`: no preflight, no verify.
    fn take_away(&mut self, task: &StepTask, behaviour: Behaviour) -> Result<Report, Killed> {
        if behaviour.ending == Ending::Refuse {
            let message = "observe failed".to_owned();
            return Ok(self.finish(ReportOutcome::Refused, Stage::Observe, message));
        }
        self.note(&task.step, HostActionKind::Remove);
        self.stage(Stage::Deploy)?;
        self.state.installed = None;
        match behaviour.ending {
            Ending::Hang => {
                self.at += task.timeout.duration();
                return self.roll_back(Stage::Deploy, "it took too long");
            }
            Ending::RollBack | Ending::RollBackVerify | Ending::Fail => {
                return self.roll_back(Stage::Deploy, "it failed");
            }
            _ => {}
        }
        self.stage(Stage::ObserveAgain)?;
        Ok(self.finish(ReportOutcome::Succeeded, Stage::ObserveAgain, String::new()))
    }

    /// Puts back what a failed step found.
    fn roll_back(&mut self, failed: Stage, why: &str) -> Result<Report, Killed> {
        let Some(marker) = self.state.marker.clone() else {
            unreachable!("only a step with a marker rolls back");
        };
        let back = wanted_back(&marker);
        self.note(
            &marker.task.step,
            HostActionKind::Rollback(named(back.as_ref())),
        );
        self.stage(Stage::Rollback)?;
        if !marker.behaviour.ending.rollback_works() {
            let message = format!("{why}, and so did its rollback");
            return Ok(self.finish(ReportOutcome::Failed, failed, message));
        }
        self.state.installed = back;
        Ok(self.finish(ReportOutcome::RolledBack, failed, why.to_owned()))
    }

    /// A step of action `rollback`.
    fn undo(&mut self, task: &StepTask, behaviour: Behaviour) -> Result<Report, Killed> {
        let undo = task
            .undo
            .as_ref()
            .expect("a rollback step says what it goes back to");
        self.note(&task.step, HostActionKind::Rollback(undo.version.clone()));
        self.stage(Stage::Rollback)?;
        if behaviour.ending != Ending::Succeed {
            let message = "the rollback failed".to_owned();
            return Ok(self.finish(ReportOutcome::Failed, Stage::Rollback, message));
        }
        self.state.installed = Some(undo.version.clone()).filter(|v| v.as_str() != "none");
        self.stage(Stage::ObserveAgain)?;
        Ok(self.finish(ReportOutcome::RolledBack, Stage::Rollback, String::new()))
    }

    /// Ends a step that was cut off; none where nothing had been touched yet.
    fn close(&mut self, marker: &Marker) -> Result<Option<Report>, Killed> {
        let why = format!("interrupted in {}", marker.stage.as_str());
        match marker.stage {
            Stage::Observe | Stage::Preflight => {
                self.state.marker = None;
                Ok(None)
            }
            Stage::Deploy | Stage::Verify | Stage::ObserveAgain => {
                self.roll_back(marker.stage, &why).map(Some)
            }
            Stage::Rollback => Ok(Some(self.finish(
                ReportOutcome::Failed,
                Stage::Rollback,
                why,
            ))),
        }
    }

    fn ask(&mut self, steps: &[StepId]) -> Result<Vec<Report>, Killed> {
        if let Some(marker) = self.state.marker.clone() {
            self.close(&marker)?;
        }
        let sequence = self.state.sequence;
        Ok(steps
            .iter()
            .map(|step| match self.state.receipts.get(step) {
                Some(report) => report.clone(),
                None => Report {
                    sequence: Some(sequence),
                    ..blank(step.clone(), ReportOutcome::Untouched)
                },
            })
            .collect())
    }

    fn current(&mut self, services: &Services) -> Result<Vec<CurrentState>, Killed> {
        let mut found = Vec::new();
        for (host, service) in services.keys().filter(|(host, _)| host == self.place.host) {
            debug_assert_eq!(host, self.place.host);
            self.enter(services, service);
            if let Some(marker) = self.state.marker.clone() {
                self.close(&marker)?;
            }
            self.moment();
            found.extend(self.state.current.clone());
        }
        Ok(found)
    }

    /// Outside a step: what runs, and whether it is well.
    fn observe(&mut self, task: &ObserveTask) -> Result<Report, Killed> {
        if let Some(marker) = self.state.marker.clone() {
            self.close(&marker)?;
        }
        let installed = self.state.installed.clone();
        let is_sick = installed.as_ref().is_some_and(|version| {
            let key = (
                self.place.instance.clone(),
                task.service.clone(),
                version.clone(),
            );
            self.fates.sick.contains(&key)
        });
        let healthy = (!is_sick).to_string();
        Ok(Report {
            host: Some(self.place.host.clone()),
            service: Some(task.service.clone()),
            phase: Some(Stage::Observe.as_str().to_owned()),
            version: Some(named(installed.as_ref())),
            facts: BTreeMap::from([("healthy".to_owned(), healthy)]),
            ..blank(task.step.clone(), ReportOutcome::Succeeded)
        })
    }

    /// Writes the marker for a stage and lets its time pass, or dies at its start.
    fn stage(&mut self, stage: Stage) -> Result<(), Killed> {
        let Some(marker) = &mut self.state.marker else {
            unreachable!("a stage belongs to a step with a marker");
        };
        marker.stage = stage;
        let takes = marker.behaviour.takes * stage.tenths() / 10;
        let step = marker.task.step.clone();
        if self.place.killed_in == Some(stage) {
            self.note(&step, HostActionKind::Killed(stage));
            return Err(Killed);
        }
        self.moment();
        self.at += takes;
        Ok(())
    }

    /// Answers without a receipt: nothing was begun.
    fn turn_away(&mut self, task: &StepTask, outcome: ReportOutcome, message: String) -> Report {
        self.note(&task.step, HostActionKind::Reported(outcome));
        Report {
            host: Some(self.place.host.clone()),
            service: Some(task.service.clone()),
            version: Some(named(self.state.installed.as_ref())),
            message,
            ..blank(task.step.clone(), outcome)
        }
    }

    /// Writes the receipt and `current`, and takes the marker away.
    fn finish(&mut self, outcome: ReportOutcome, phase: Stage, message: String) -> Report {
        let Some(marker) = self.state.marker.take() else {
            unreachable!("only a step with a marker ends");
        };
        let now = self.now();
        let failed = outcome == ReportOutcome::Failed;
        let report = Report {
            host: Some(self.place.host.clone()),
            service: Some(self.service.clone()),
            phase: Some(phase.as_str().to_owned()),
            exit: Some(i32::from(outcome != ReportOutcome::Succeeded)),
            version: (!failed).then(|| named(self.state.installed.as_ref())),
            previous: Some(named(marker.found.as_ref())),
            started: Some(marker.started),
            seconds: now.since(marker.started).as_secs_f64(),
            message,
            ..blank(marker.task.step.clone(), outcome)
        };
        self.state.current = Some(self.rewritten(&marker, outcome, now));
        self.state
            .receipts
            .insert(report.step.clone(), report.clone());
        self.note(&report.step, HostActionKind::Reported(outcome));
        self.moment();
        report
    }

    fn rewritten(&self, marker: &Marker, outcome: ReportOutcome, now: Timestamp) -> CurrentState {
        let task = &marker.task;
        let before = self.known();
        let after = CurrentState {
            version: named(self.state.installed.as_ref()),
            step: Some(task.step.clone()),
            rollout: Some(task.rollout.clone()),
            revision: Some(task.revision.clone()),
            sequence: self.state.sequence,
            at: Some(now),
            ..before.clone()
        };
        match outcome {
            ReportOutcome::Succeeded => CurrentState {
                previous: Some(named(marker.found.as_ref())),
                digest: Some(task.bundle.digests.digest.clone()),
                definition: Some(task.bundle.digests.definition.clone()),
                outcome: Some(Outcome::Succeeded),
                ..after
            },
            ReportOutcome::RolledBack => CurrentState {
                digest: match &task.undo {
                    Some(undo) => undo.digest.clone(),
                    None => before.digest,
                },
                outcome: Some(Outcome::RolledBack),
                ..after
            },
            ReportOutcome::Failed => CurrentState {
                version: Version::from("unknown"),
                digest: None,
                outcome: Some(Outcome::Failed),
                ..after
            },
            ReportOutcome::Refused
            | ReportOutcome::Superseded
            | ReportOutcome::Busy
            | ReportOutcome::Untouched => before,
        }
    }

    /// `current`, or what stands for it where there is none.
    fn known(&self) -> CurrentState {
        self.state.current.clone().unwrap_or_else(|| CurrentState {
            host: self.place.host.clone(),
            service: self.service.clone(),
            version: Version::from("none"),
            previous: None,
            digest: None,
            definition: None,
            outcome: None,
            step: None,
            rollout: None,
            revision: None,
            sequence: 0,
            at: None,
        })
    }

    fn names_none(&self) -> bool {
        let current = self.state.current.as_ref();
        current.is_none_or(|current| current.version.as_str() == "none")
    }

    fn now(&self) -> Timestamp {
        self.place.time + self.at
    }

    fn note(&mut self, step: &StepId, kind: HostActionKind) {
        self.pending.push((step.clone(), kind));
    }

    fn moment(&mut self) {
        self.moments.push(Moment {
            after: self.at,
            service: self.service.clone(),
            state: self.state.clone(),
            actions: std::mem::take(&mut self.pending),
        });
    }
}

/// One report of `busy` per step that the work names.
pub(super) fn busy(work: &Work, host: &HostName) -> AnswerContent {
    AnswerContent::Reports(match work {
        Work::Step(task) => vec![Report {
            host: Some(host.clone()),
            service: Some(task.service.clone()),
            ..blank(task.step.clone(), ReportOutcome::Busy)
        }],
        Work::Ask { steps, .. } => steps
            .iter()
            .map(|step| blank(step.clone(), ReportOutcome::Busy))
            .collect(),
        Work::Observe(task) => vec![blank(task.step.clone(), ReportOutcome::Busy)],
        Work::Current => return AnswerContent::Garbled("the host is busy".to_owned()),
    })
}

fn wanted_back(marker: &Marker) -> Option<Version> {
    match &marker.task.undo {
        Some(undo) => Some(undo.version.clone()).filter(|v| v.as_str() != "none"),
        None => marker.found.clone(),
    }
}

fn named(version: Option<&Version>) -> Version {
    version.cloned().unwrap_or_else(|| Version::from("none"))
}

fn blank(step: StepId, outcome: ReportOutcome) -> Report {
    Report {
        fleet: 1,
        step,
        host: None,
        service: None,
        outcome,
        phase: None,
        exit: None,
        version: None,
        previous: None,
        started: None,
        seconds: 0.0,
        stages: BTreeMap::new(),
        facts: BTreeMap::new(),
        message: String::new(),
        tail: String::new(),
        log: String::new(),
        sequence: None,
    }
}
