//! What can happen to sends, deliveries and scripts, and what hosts are seen to do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::model::id::{CommandId, HostName, InstanceId, ServiceName, StepId, Version};
use crate::model::report::{Report, ReportOutcome};
use crate::model::task::Comment;
use crate::model::time::Timestamp;

/// What a service's scripts do in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// How it ends.
    pub ending: Ending,
    /// From the first observe to the last; a rollback takes half of it on top.
    pub takes: Duration,
}

impl Behaviour {
    /// Ends this way after a second.
    pub const fn new(ending: Ending) -> Self {
        Self {
            ending,
            takes: Duration::from_secs(1),
        }
    }

    /// The same, but this slow.
    #[must_use]
    pub const fn taking(mut self, takes: Duration) -> Self {
        self.takes = takes;
        self
    }
}

impl Default for Behaviour {
    fn default() -> Self {
        Self::new(Ending::Succeed)
    }
}

/// How a step ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The version runs, proven; for a rollback step: the previous version is back.
    Succeed,
    /// Preflight says no: refused, with a receipt.
    Refuse,
    /// A full disk or a missing tool: refused before the marker, so without a receipt.
    RefuseEarly,
    /// Deploy fails, its rollback works.
    RollBack,
    /// Deploy succeeds, verify fails, its rollback works.
    RollBackVerify,
    /// Deploy fails and so does its rollback; nobody knows what runs then.
    Fail,
    /// Deploy never ends: killed at the phase's timeout, its rollback works.
    Hang,
}

impl Ending {
    pub(super) const fn rollback_works(self) -> bool {
        !matches!(self, Self::Fail)
    }
}

/// Where a step is. Unlike a phase it tells the two observes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The first observe.
    Observe,
    /// Preflight.
    Preflight,
    /// Deploy, or remove.
    Deploy,
    /// Verify.
    Verify,
    /// The second observe.
    ObserveAgain,
    /// Rollback, of a failed step or as what the step is for.
    Rollback,
}

impl Stage {
    /// The phase's word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observe | Self::ObserveAgain => "observe",
            Self::Preflight => "preflight",
            Self::Deploy => "deploy",
            Self::Verify => "verify",
            Self::Rollback => "rollback",
        }
    }

    /// Tenths of a step's time.
    pub(super) const fn tenths(self) -> u32 {
        match self {
            Self::Observe | Self::Preflight | Self::ObserveAgain => 1,
            Self::Verify => 2,
            Self::Deploy | Self::Rollback => 5,
        }
    }
}

/// Which script a decision is about.
#[derive(Clone, Copy, Debug)]
pub struct Script<'a> {
    /// Where.
    pub instance: &'a InstanceId,
    /// Of which service.
    pub service: &'a ServiceName,
    /// FLEET_VERSION: what is brought, or what is undone.
    pub version: &'a Version,
    /// The step is a rollback.
    pub undo: bool,
}

/// What becomes of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendFate {
    /// Accepted and answered.
    Accepted,
    /// Accepted, but the answer is lost: ambiguous.
    AnswerLost,
    /// Not accepted, and no answer: ambiguous as well.
    RequestLost,
    /// Throttled to the end: not accepted.
    Throttled,
    /// No connection: not accepted.
    Unreachable,
    /// Credentials expired: not accepted.
    Credentials,
    /// Not allowed: not accepted.
    AccessDenied,
}

/// What becomes of an accepted command on one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Runs and answers.
    Normal,
    /// Arrives this much later, delivery timeout or not: an agent that was stuck.
    Late(Duration),
    /// Never starts, and the service says so at the end of the delivery timeout.
    Undeliverable,
    /// Never starts, and the service says only that it gave up.
    NeverArrives,
    /// Runs, and the service gives up waiting for the answer.
    ReplyLost,
    /// Runs, and neither the host nor the service ever says so.
    Unheard,
    /// Runs, and prints something else than reports.
    Garbled,
    /// Runs, and again this much after its first arrival (not before the first run has ended).
    Twice(Duration),
    /// The runner is killed at the start of a stage, without its answer. The agent may start the
    /// command again after a while.
    Killed {
        /// In which stage.
        stage: Stage,
        /// How much later the agent starts it again.
        again: Option<Duration>,
    },
}

/// What becomes of the cancelling of a command that was not delivered yet. The service says that it
/// is cancelled, whatever becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelFate {
    /// It never starts.
    Stopped,
    /// It was on its way already, and runs.
    TooLate,
    /// It was on its way already; the cancelling reaches its host at the start of this stage.
    Killed(Stage),
}

/// One thing that a host did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAction {
    /// By the service's clock.
    pub at: Timestamp,
    /// The same on the clock that never jumps.
    pub monotonic: Duration,
    /// Where.
    pub instance: InstanceId,
    /// Which host on it.
    pub host: HostName,
    /// Which service.
    pub service: ServiceName,
    /// For which step: while an interrupted step is closed, that one.
    pub step: StepId,
    /// Because of which command.
    pub command: CommandId,
    /// What.
    pub kind: HostActionKind,
}

/// What a host did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostActionKind {
    /// Wrote the start marker.
    Started,
    /// Started the deploy phase for this version. At most once for each step.
    Deploy(Version),
    /// Started the remove phase. At most once for each step.
    Remove,
    /// Started the rollback phase, towards this version.
    Rollback(Version),
    /// Was killed in this stage, leaving the marker.
    Killed(Stage),
    /// Ended the step, for the first time, with this outcome (a refusal before the marker too).
    Reported(ReportOutcome),
    /// Printed the receipt of a step that had ended before.
    Repeated(ReportOutcome),
    /// Did not get the host's lock within a minute.
    Busy,
}

type DecideDelivery = dyn FnMut(&Comment, &InstanceId) -> Delivery + Send;
type DecideCancel = dyn FnMut(&Comment, &InstanceId) -> CancelFate + Send;

/// What decides: tables and queues first, then one function each.
pub(super) struct Fates {
    pub(super) scripts: BTreeMap<(InstanceId, ServiceName, Version, bool), Behaviour>,
    pub(super) script: Box<dyn FnMut(&Script<'_>) -> Behaviour + Send>,
    /// What observes itself as unhealthy outside a step.
    pub(super) sick: BTreeSet<(InstanceId, ServiceName, Version)>,
    pub(super) next_sends: VecDeque<SendFate>,
    pub(super) send: Box<dyn FnMut(&Comment) -> SendFate + Send>,
    pub(super) next_deliveries: BTreeMap<InstanceId, VecDeque<Delivery>>,
    pub(super) delivery: Box<DecideDelivery>,
    /// Changes what hosts print.
    pub(super) report: Box<dyn FnMut(&mut Report) + Send>,
    pub(super) cancel: Box<DecideCancel>,
}

impl Default for Fates {
    fn default() -> Self {
        Self {
            scripts: BTreeMap::new(),
            script: Box::new(|_| Behaviour::default()),
            sick: BTreeSet::new(),
            next_sends: VecDeque::new(),
            send: Box::new(|_| SendFate::Accepted),
            next_deliveries: BTreeMap::new(),
            delivery: Box::new(|_, _| Delivery::Normal),
            report: Box::new(|_| {}),
            cancel: Box::new(|_, _| CancelFate::Stopped),
        }
    }
}

impl Fates {
    pub(super) fn of_script(&mut self, script: &Script<'_>) -> Behaviour {
        let key = (
            script.instance.clone(),
            script.service.clone(),
            script.version.clone(),
            script.undo,
        );
        match self.scripts.get(&key) {
            Some(behaviour) => *behaviour,
            None => (self.script)(script),
        }
    }

    pub(super) fn of_send(&mut self, comment: &Comment) -> SendFate {
        match self.next_sends.pop_front() {
            Some(fate) => fate,
            None => (self.send)(comment),
        }
    }

    pub(super) fn of_delivery(&mut self, comment: &Comment, instance: &InstanceId) -> Delivery {
        let queue = self.next_deliveries.get_mut(instance);
        match queue.and_then(VecDeque::pop_front) {
            Some(fate) => fate,
            None => (self.delivery)(comment, instance),
        }
    }
}
