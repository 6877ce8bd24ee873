//! What happens in a rollout, for people and programs (`fleet.event/1`). Reporters see nothing else.

use serde::Serialize;

use super::id::{EnvironmentName, HostName, PlanId, Revision, RolloutId, ServiceName, Version};
use super::ledger::{RolloutState, WaveKind};
use super::plan::{Action, Gate, Summary};
use super::report::Outcome;
use super::time::Timestamp;

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// `fleet.event/1`.
    pub format: &'static str,
    /// By the controller's clock.
    pub at: Timestamp,
    /// In which environment.
    pub environment: EnvironmentName,
    /// In which rollout, once there is one.
    pub rollout: Option<RolloutId>,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// `format` of an event.
pub const EVENT_FORMAT: &str = "fleet.event/1";

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventKind {
    /// A plan was made.
    Planned {
        /// Its id.
        plan_id: PlanId,
        /// Its desired commit.
        revision: Revision,
        /// Its counts.
        summary: Summary,
    },
    /// Something must be waited for; the reason says what.
    Waiting {
        /// Those that are closed.
        gates: Vec<Gate>,
        /// In words.
        reason: String,
    },
    /// A rollout began, or went on after its controller was gone.
    Started {
        /// What it executes.
        plan_id: PlanId,
        /// Its desired commit.
        revision: Revision,
        /// Hosts.
        total: usize,
        /// It was open already.
        resumed: bool,
    },
    /// A wave's intent is recorded, or a recorded one is taken up.
    WaveStarted {
        /// From 1.
        wave: u32,
        /// Which way.
        direction: WaveKind,
        /// Its hosts; of a wave that is taken up, those without an outcome.
        hosts: Vec<HostName>,
        /// Theirs.
        steps: usize,
    },
    /// A step went a step further.
    Step {
        /// Its wave.
        wave: u32,
        /// On which host.
        host: HostName,
        /// Which service.
        service: ServiceName,
        /// What is done.
        action: Action,
        /// What runs there before it.
        from: Option<Version>,
        /// What should run after it.
        to: Option<Version>,
        /// How far it is.
        progress: StepProgress,
        /// What the host says runs now.
        version: Option<Version>,
        /// Of the step on its host.
        seconds: Option<f64>,
        /// Why it did not succeed, or what is waited for.
        message: String,
        /// While it waits: when it is tried again.
        #[serde(skip_serializing_if = "Option::is_none")]
        next: Option<Timestamp>,
        /// While its host is asked: how long for. While it waits: when it is given up at the latest.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// Every step of a wave has an outcome and it is recorded.
    WaveDone {
        /// From 1.
        wave: u32,
        /// Which way.
        direction: WaveKind,
        /// Hosts.
        succeeded: usize,
        /// Hosts.
        failed: usize,
        /// Hosts.
        deferred: usize,
    },
    /// The first wave is watched before anything follows.
    Soaking {
        /// To this end.
        until: Timestamp,
    },
    /// A soak found something wrong with what had succeeded.
    SoakFailed {
        /// On which host.
        host: HostName,
        /// With which service.
        service: ServiceName,
        /// What.
        message: String,
    },
    /// The line stopped.
    Paused {
        /// Why.
        reason: String,
    },
    /// The line stopped and everything goes back.
    RollingBack {
        /// Why.
        reason: String,
        /// Hosts that go back.
        hosts: Vec<HostName>,
    },
    /// Over.
    Ended {
        /// How.
        state: RolloutState,
        /// Why.
        reason: String,
    },
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepProgress {
    /// Accepted by the service.
    Sent,
    /// The host is asked what became of it.
    Asking,
    /// Nothing can be done for it at the moment.
    Waiting,
    /// Over.
    #[serde(untagged)]
    Over(Outcome),
}
