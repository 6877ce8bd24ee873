//! What a transport carries to a host: a step to take, or steps to tell about.

use std::sync::Arc;

use super::bundle::Bundle;
use super::desired::Platform;
use super::id::{
    CommandId, Digest, EnvironmentName, FleetName, HostName, InstanceId, Revision, RolloutId,
    ServiceName, StepId, Version,
};
use super::plan::Action;
use super::report::{CurrentState, Report};
use super::time::{Seconds, Timestamp};

/// One host's share of a command.
#[derive(Clone, Debug)]
pub struct HostTask {
    /// The fleet, first part of the host's state folder.
    pub fleet: FleetName,
    /// The environment, second part.
    pub environment: EnvironmentName,
    /// The host, third part.
    pub host: HostName,
    /// Where SSM delivers it.
    pub instance: InstanceId,
    /// What runs it.
    pub platform: Platform,
    /// What to do there.
    pub work: Work,
}

/// What to do on a host.
#[derive(Clone, Debug)]
pub enum Work {
    /// Take a step.
    Step(Box<StepTask>),
    /// Tell about steps (at most 4) of a service, each its stored report or `untouched`; closes
    /// what was cut off (protocol §1, 2 and 4).
    Ask {
        /// The service whose steps these are.
        service: ServiceName,
        /// Which steps.
        steps: Vec<StepId>,
    },
    /// Tell `current` of each service.
    Current,
    /// Run a service's observe phase outside a step and tell what it printed; closes what was cut
    /// off first.
    Observe(Box<ObserveTask>),
}

impl Work {
    /// The step whose report answers it, where one does.
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Self::Step(task) => Some(&task.step),
            Self::Ask { steps, .. } => steps.first(),
            Self::Observe(task) => Some(&task.step),
            Self::Current => None,
        }
    }
}

/// One observation outside a step.
#[derive(Clone, Debug)]
pub struct ObserveTask {
    /// The service.
    pub service: ServiceName,
    /// [`StepId::observation`]: the answer names it.
    pub step: StepId,
    /// Longest time of the phase.
    pub timeout: Seconds,
    /// FLEET_VERSION: what should run.
    pub version: Version,
    /// The scripts of the revision that is recorded for the host.
    pub bundle: Arc<Bundle>,
}

/// One step.
#[derive(Clone, Debug)]
pub struct StepTask {
    /// The service.
    pub service: ServiceName,
    /// What is done.
    pub action: Action,
    /// The rollout, for `current`.
    pub rollout: RolloutId,
    /// The revision the bundle was rendered from, for `current`.
    pub revision: Revision,
    /// Its id.
    pub step: StepId,
    /// Below the highest seen: superseded.
    pub sequence: u64,
    /// Later by the host's clock: refused.
    pub not_after: Timestamp,
    /// Longest time of one phase.
    pub timeout: Seconds,
    /// FLEET_VERSION: the desired version; for a rollback the one that is undone.
    pub version: Version,
    /// For a rollback only: what the step it undoes had found, and the digest of that.
    pub undo: Option<Undo>,
    /// The scripts.
    pub bundle: Arc<Bundle>,
}

/// What a rollback step goes back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undo {
    /// FLEET_PREVIOUS_VERSION; `none` takes the service away.
    pub version: Version,
    /// What `current` names afterwards.
    pub digest: Option<Digest>,
}

/// A SendCommand's Comment: `fleet/<environment>/<rollout>/<wave>.<round>-<n>`, at most 100
/// characters. With the instance it names exactly one step.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Comment {
    /// Environment.
    pub environment: EnvironmentName,
    /// Rollout.
    pub rollout: RolloutId,
    /// Wave.
    pub wave: u32,
    /// Round; 0 for the asking.
    pub round: u32,
    /// Counts the sends of that round, from 1.
    pub part: u32,
}

impl std::fmt::Display for Comment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            environment,
            rollout,
            wave,
            round,
            part,
        } = self;
        write!(f, "fleet/{environment}/{rollout}/{wave}.{round}-{part}")
    }
}

impl std::str::FromStr for Comment {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.strip_prefix("fleet/").ok_or(())?.splitn(3, '/');
        let environment = parts.next().ok_or(())?;
        let rollout = parts.next().ok_or(())?;
        let (wave, rest) = parts.next().ok_or(())?.split_once('.').ok_or(())?;
        let (round, part) = rest.split_once('-').ok_or(())?;
        let number = |digits: &str| digits.parse::<u32>().map_err(|_| ());
        Ok(Self {
            environment: environment.into(),
            rollout: rollout.into(),
            wave: number(wave)?,
            round: number(round)?,
            part: number(part)?,
        })
    }
}

/// A command that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentCommand {
    /// Its id.
    pub command: CommandId,
    /// Its comment.
    pub comment: Comment,
    /// When it was sent, by the controller's clock.
    pub sent_at: Timestamp,
    /// The instances it went to.
    pub instances: Vec<InstanceId>,
}

/// What is known of a host's reachability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Its agent answered lately.
    Online(Platform),
    /// Why not.
    Offline(String),
}

impl Presence {
    /// Of an instance that nothing is known of.
    pub const UNKNOWN: &str = "not known to the service";
}

/// The end of one command on one instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The command.
    pub command: CommandId,
    /// The instance.
    pub instance: InstanceId,
    /// What it said.
    pub content: AnswerContent,
}

/// What a command on an instance ended with.
#[derive(Clone, Debug, PartialEq)]
pub enum AnswerContent {
    /// Valid reports: one of a step, or one per step asked about.
    Reports(Vec<Report>),
    /// The answer to [`Work::Current`].
    Current(Vec<CurrentState>),
    /// It ended without a valid report; it may have run.
    Garbled(String),
    /// The service says that it never started (undeliverable, cancelled or refused before delivery).
    Undelivered(String),
    /// The service gave up waiting; it may have run.
    Lost(String),
}
