//! A command and its invocations, as the service keeps them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::status::{InvocationStatus, Summary};
use super::time::Millis;
use crate::model::id::{CommandId, InstanceId};

/// What SendCommand accepted: `command.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Accepted {
    pub(super) id: CommandId,
    pub(super) document: String,
    pub(super) document_version: String,
    pub(super) comment: String,
    pub(super) parameters: BTreeMap<String, Vec<String>>,
    /// As asked for; empty where targets were.
    pub(super) instance_ids: Vec<InstanceId>,
    pub(super) targets: Vec<Target>,
    /// Whom it goes to, in order.
    pub(super) instances: Vec<InstanceId>,
    pub(super) requested_at: Millis,
    /// Nothing that reads sees it before then.
    pub(super) visible_at: Millis,
    /// Until its delivery.
    pub(super) timeout_seconds: u64,
    /// Of its execution, by the agent's rule.
    pub(super) execution_timeout: u64,
    pub(super) max_concurrency: String,
    pub(super) max_errors: String,
}

/// A search criterion.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Target {
    pub(super) key: String,
    pub(super) values: Vec<String>,
}

impl Accepted {
    /// Later it is not delivered any more.
    pub(super) fn delivery_deadline(&self) -> Millis {
        self.requested_at.plus_seconds(self.timeout_seconds)
    }

    /// `ExpiresAfter`: without an answer by then it is DeliveryTimedOut.
    pub(super) fn expires_at(&self) -> Millis {
        self.delivery_deadline()
            .plus_seconds(self.execution_timeout)
    }

    /// How many invocations may be under way.
    pub(super) fn concurrency(&self) -> usize {
        share(&self.max_concurrency, self.instances.len()).max(1)
    }

    /// How many may fail before the rest is given up.
    pub(super) fn errors(&self) -> usize {
        share(&self.max_errors, self.instances.len())
    }
}

/// `10`, or `10%` of the whole, rounded down.
fn share(text: &str, whole: usize) -> usize {
    let number = |digits: &str| digits.parse::<usize>().unwrap_or(usize::MAX);
    text.strip_suffix('%').map_or_else(
        || number(text),
        |percent| number(percent).saturating_mul(whole) / 100,
    )
}

/// What became of a command on one instance: `invocation.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Invocation {
    pub(super) status: InvocationStatus,
    pub(super) stage: Stage,
    /// −1 until there is one.
    pub(super) code: i32,
    pub(super) started_at: Option<Millis>,
    pub(super) ended_at: Option<Millis>,
    /// How often its script was started.
    pub(super) runs: u32,
    /// `StandardOutputContent`.
    pub(super) standard_output: String,
    /// `StandardErrorContent`.
    pub(super) standard_error: String,
    /// `Output` of the plugin.
    pub(super) output: String,
}

/// How far a command has come on one instance; finer than its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// MaxConcurrency holds it back.
    Waiting,
    /// In the instance's mailbox.
    Sent,
    /// A fault swallowed it.
    Lost,
    /// In the agent's buffer.
    Buffered,
    /// Its script runs.
    Running,
    /// Its status is its last.
    Done,
}

impl Default for Invocation {
    fn default() -> Self {
        Self {
            status: InvocationStatus::Pending,
            stage: Stage::Waiting,
            code: -1,
            started_at: None,
            ended_at: None,
            runs: 0,
            standard_output: String::new(),
            standard_error: String::new(),
            output: String::new(),
        }
    }
}

impl Invocation {
    /// The status is final; a later answer changes nothing.
    pub(super) fn end(&mut self, status: InvocationStatus, at: Millis) {
        self.status = status;
        self.stage = Stage::Done;
        self.ended_at = Some(at);
    }

    /// Under way: it counts against MaxConcurrency.
    fn is_active(&self) -> bool {
        !matches!(self.stage, Stage::Waiting | Stage::Done)
    }
}

/// A command with its invocations.
#[derive(Clone, Debug)]
pub(super) struct Command {
    pub(super) accepted: Accepted,
    pub(super) invocations: BTreeMap<InstanceId, Invocation>,
    /// The whole of it was asked to end.
    pub(super) cancelling: bool,
}

impl Command {
    pub(super) fn new(accepted: Accepted) -> Self {
        let invocations = accepted
            .instances
            .iter()
            .map(|instance| (instance.clone(), Invocation::default()))
            .collect();
        Self {
            accepted,
            invocations,
            cancelling: false,
        }
    }

    /// From what `shown` makes of each invocation's status.
    pub(super) fn summary_with(
        &self,
        shown: impl Fn(&InstanceId, &Invocation) -> InvocationStatus,
    ) -> Summary {
        let statuses: Vec<_> = self
            .invocations
            .iter()
            .map(|(instance, invocation)| shown(instance, invocation))
            .collect();
        Summary::of(&statuses, self.accepted.errors(), self.cancelling)
    }

    /// When something last happened to it.
    pub(super) fn latest(&self) -> Millis {
        let ends = self
            .invocations
            .values()
            .filter_map(|i| i.ended_at.or(i.started_at));
        ends.fold(self.accepted.requested_at, Millis::max)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.invocations
            .values()
            .all(|invocation| invocation.status.is_terminal())
    }

    /// Moves on by MaxConcurrency and MaxErrors: whose turn has come, and whose will not come any
    /// more because too many others failed.
    pub(super) fn release(&mut self, now: Millis) -> Released {
        let errors = self
            .invocations
            .values()
            .filter(|i| i.status.is_error())
            .count();
        let given_up = errors > self.accepted.errors();
        let active = self.invocations.values().filter(|i| i.is_active()).count();
        let mut free = self.accepted.concurrency().saturating_sub(active);
        let mut released = Released::default();
        for instance in &self.accepted.instances {
            let Some(invocation) = self.invocations.get_mut(instance) else {
                continue;
            };
            if invocation.stage != Stage::Waiting {
                continue;
            }
            if given_up {
                invocation.end(InvocationStatus::Terminated, now);
                released.terminated.push(instance.clone());
            } else if free > 0 {
                free -= 1;
                invocation.stage = Stage::Sent;
                released.sent.push(instance.clone());
            }
        }
        released
    }
}

/// What [`Command::release`] did.
#[derive(Debug, Default)]
pub(super) struct Released {
    /// These go into their mailboxes.
    pub(super) sent: Vec<InstanceId>,
    /// These have ended.
    pub(super) terminated: Vec<InstanceId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(instances: usize, max_concurrency: &str, max_errors: &str) -> Command {
        let instances: Vec<InstanceId> = (0..instances)
            .map(|n| InstanceId::new(format!("i-{n:08}")))
            .collect();
        Command::new(Accepted {
            id: "c".into(),
            document: String::new(),
            document_version: String::new(),
            comment: String::new(),
            parameters: BTreeMap::new(),
            instance_ids: instances.clone(),
            targets: Vec::new(),
            instances,
            requested_at: Millis(0),
            visible_at: Millis(0),
            timeout_seconds: 60,
            execution_timeout: 5,
            max_concurrency: max_concurrency.to_owned(),
            max_errors: max_errors.to_owned(),
        })
    }

    fn end(command: &mut Command, status: InvocationStatus) {
        let active = command.invocations.values_mut().find(|i| i.is_active());
        active.unwrap().end(status, Millis(1));
    }

    #[test]
    fn concurrency_is_a_number_or_a_share_and_at_least_one() {
        assert_eq!(command(10, "3", "0").release(Millis(0)).sent.len(), 3);
        assert_eq!(command(10, "25%", "0").release(Millis(0)).sent.len(), 2);
        assert_eq!(command(10, "1%", "0").release(Millis(0)).sent.len(), 1);
        assert_eq!(command(3, "50", "0").release(Millis(0)).sent.len(), 3);
    }

    #[test]
    fn too_many_errors_end_what_still_waits() {
        let mut command = command(4, "1", "1");
        assert_eq!(command.release(Millis(0)).sent.len(), 1);
        end(&mut command, InvocationStatus::Failed);
        assert_eq!(command.release(Millis(0)).sent.len(), 1);
        end(&mut command, InvocationStatus::Failed);
        let last = command.release(Millis(0));
        assert_eq!((last.sent.len(), last.terminated.len()), (0, 2));
        let summary = command.summary_with(|_, invocation| invocation.status);
        assert_eq!((summary.errors, summary.completed), (2, 4));
        assert_eq!(summary.details, "Failed");
    }
}
