//! The service and its hosts on one clock: what it takes, keeps and tells.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::delivery::{Event, host_time};
use super::fate::{Fates, HostAction, SendFate};
use super::host::{ServiceState, Services};
use crate::model::desired::Platform;
use crate::model::id::{CommandId, HostName, InstanceId, ServiceName};
use crate::model::task::{Answer, AnswerContent, Comment, HostTask, Presence, SentCommand};
use crate::model::time::Timestamp;
use crate::transport::batch::MAX_INSTANCES;
use crate::transport::{SendLimits, Sent, TransportError};

/// When, then what kind, then in which order it was scheduled.
pub(super) type Due = (Duration, u8, u64);

pub(super) struct World {
    pub(super) start: Timestamp,
    pub(super) origin: Duration,
    pub(super) now: Duration,
    pub(super) instances: BTreeMap<InstanceId, Instance>,
    forgotten: BTreeSet<InstanceId>,
    pub(super) queue: BTreeMap<Due, Event>,
    pub(super) counter: u64,
    pub(super) commands: Vec<Command>,
    pub(super) history: Vec<HostAction>,
    pub(super) fates: Fates,
    pub(super) skew: i64,
    pub(super) down: bool,
    pub(super) answered: bool,
    pub(super) visibility_delay: Duration,
}

pub(super) struct Instance {
    pub(super) online: bool,
    pub(super) clock_ahead: i64,
    pub(super) services: Services,
    /// Until when a host's lock is held.
    pub(super) locks: BTreeMap<HostName, Duration>,
}

pub(super) struct Command {
    pub(super) sent: SentCommand,
    pub(super) accepted: Duration,
    visible: Duration,
    pub(super) limits: SendLimits,
    pub(super) answers: BTreeMap<InstanceId, AnswerContent>,
    /// Where it arrived.
    pub(super) delivered: BTreeSet<InstanceId>,
}

pub(super) fn unreachable() -> TransportError {
    TransportError::Unreachable {
        endpoint: "memory".to_owned(),
        source: "the test took it down".into(),
    }
}

impl World {
    pub(super) fn new(
        start: Timestamp,
        origin: Duration,
        hosts: impl IntoIterator<Item = InstanceId>,
    ) -> Self {
        let instance = || Instance {
            online: true,
            clock_ahead: 0,
            services: Services::new(),
            locks: BTreeMap::new(),
        };
        Self {
            start,
            origin,
            now: origin,
            instances: hosts.into_iter().map(|id| (id, instance())).collect(),
            forgotten: BTreeSet::new(),
            queue: BTreeMap::new(),
            counter: 0,
            commands: Vec::new(),
            history: Vec::new(),
            fates: Fates::default(),
            skew: 0,
            down: false,
            answered: false,
            visibility_delay: Duration::ZERO,
        }
    }

    /// Lets everything happen that is due by then.
    pub(super) fn advance(&mut self, now: Duration) {
        while let Some(entry) = self.queue.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let ((at, ..), event) = entry.remove_entry();
            self.now = at;
            self.happen(event);
        }
        self.now = now;
    }

    pub(super) fn instance(&mut self, id: &InstanceId) -> &mut Instance {
        self.instances
            .get_mut(id)
            .expect("an instance of this world")
    }

    pub(super) fn forget(&mut self, id: &InstanceId) {
        self.forgotten.insert(id.clone());
    }

    pub(super) fn service(
        &self,
        instance: &InstanceId,
        host: &HostName,
        service: &ServiceName,
    ) -> Option<&ServiceState> {
        let services = &self.instances.get(instance)?.services;
        services.get(&(host.clone(), service.clone()))
    }

    pub(super) fn service_mut(
        &mut self,
        instance: &InstanceId,
        host: &HostName,
        service: &ServiceName,
    ) -> &mut ServiceState {
        let key = (host.clone(), service.clone());
        self.instance(instance).services.entry(key).or_default()
    }

    fn knows(&self, id: &InstanceId) -> bool {
        self.instances.contains_key(id) && !self.forgotten.contains(id)
    }

    pub(super) fn presence(&self, id: &InstanceId) -> Presence {
        match self.instances.get(id) {
            Some(_) if self.forgotten.contains(id) => Presence::Offline("not known to SSM".into()),
            Some(instance) if instance.online => Presence::Online(Platform::Linux),
            Some(_) => Presence::Offline("connection lost".into()),
            None => Presence::Offline("not known to SSM".into()),
        }
    }

    pub(super) fn send(
        &mut self,
        comment: &Comment,
        batch: &[HostTask],
        limits: SendLimits,
        sent_at: Timestamp,
    ) -> Result<Sent, TransportError> {
        check(comment, batch, limits);
        let fate = self.fates.of_send(comment);
        let operation = "SendCommand";
        match fate {
            SendFate::Accepted | SendFate::AnswerLost => {}
            SendFate::RequestLost => return Err(ambiguous()),
            SendFate::Throttled => {
                return Err(TransportError::Throttled {
                    operation,
                    seconds: 60,
                });
            }
            SendFate::Unreachable => return Err(unreachable()),
            SendFate::Credentials => {
                let source = "the test took them away".into();
                return Err(TransportError::Credentials { source });
            }
            SendFate::AccessDenied => {
                let message = "the test forbids it".to_owned();
                return Err(TransportError::AccessDenied { operation, message });
            }
        }
        let (known, unknown): (Vec<&HostTask>, Vec<&HostTask>) =
            batch.iter().partition(|task| self.knows(&task.instance));
        let reason = || "not in a valid state".to_owned();
        let rejected = unknown
            .iter()
            .map(|task| (task.instance.clone(), reason()))
            .collect();
        let sent = (!known.is_empty()).then(|| self.accept(comment, &known, limits, sent_at));
        if fate == SendFate::AnswerLost {
            return Err(ambiguous());
        }
        Ok(Sent {
            command: sent,
            rejected,
        })
    }

    fn accept(
        &mut self,
        comment: &Comment,
        tasks: &[&HostTask],
        limits: SendLimits,
        sent_at: Timestamp,
    ) -> SentCommand {
        let command = self.commands.len();
        let sent = SentCommand {
            command: CommandId::new(format!("00000000-0000-4000-8000-{command:012}")),
            comment: comment.clone(),
            sent_at,
            instances: tasks.iter().map(|task| task.instance.clone()).collect(),
        };
        for task in tasks {
            let fate = self.fates.of_delivery(comment, &task.instance);
            self.dispatch(command, task, fate, limits);
        }
        self.commands.push(Command {
            sent: sent.clone(),
            accepted: self.now,
            visible: self.now + self.visibility_delay,
            limits,
            answers: BTreeMap::new(),
            delivered: BTreeSet::new(),
        });
        sent
    }

    pub(super) fn answers(&self, commands: &[SentCommand]) -> Vec<Answer> {
        let asked: BTreeSet<&CommandId> = commands.iter().map(|c| &c.command).collect();
        self.commands
            .iter()
            .filter(|command| asked.contains(&command.sent.command))
            .flat_map(|command| {
                command.answers.iter().map(|(instance, content)| Answer {
                    command: command.sent.command.clone(),
                    instance: instance.clone(),
                    content: content.clone(),
                })
            })
            .collect()
    }

    pub(super) fn find(&self, since: Timestamp, prefix: &str) -> Vec<SentCommand> {
        self.commands
            .iter()
            .filter(|command| {
                let at = host_time(self.start, self.skew, command.accepted - self.origin, 0);
                at >= since
                    && command.visible <= self.now
                    && command.sent.comment.to_string().starts_with(prefix)
            })
            .map(|command| command.sent.clone())
            .collect()
    }

    pub(super) fn output(&self, command: &CommandId, instance: &InstanceId) -> String {
        let command = self.commands.iter().find(|c| c.sent.command == *command);
        match command.and_then(|command| command.answers.get(instance)) {
            Some(AnswerContent::Reports(reports)) => {
                let lines: Vec<_> = reports.iter().map(|r| r.message.as_str()).collect();
                lines.join("\n")
            }
            Some(AnswerContent::Garbled(text)) => text.clone(),
            _ => String::new(),
        }
    }
}

/// What SSM would refuse is a fault of the caller here.
fn check(comment: &Comment, batch: &[HostTask], limits: SendLimits) {
    let comment = comment.to_string();
    assert!(
        comment.chars().count() <= 100,
        "comment too long: {comment}"
    );
    let ids: BTreeSet<_> = batch.iter().map(|task| &task.instance).collect();
    assert!(!batch.is_empty(), "{comment}: an empty batch");
    assert_eq!(ids.len(), batch.len(), "{comment}: an instance twice");
    assert!(
        batch.len() <= MAX_INSTANCES,
        "{comment}: {} instances",
        batch.len()
    );
    assert!(
        batch.iter().all(|task| task.platform == Platform::Linux),
        "{comment}: these hosts run Linux"
    );
    assert!(
        (30..=2_592_000).contains(&limits.delivery.as_secs()),
        "{comment}: delivery timeout {:?}",
        limits.delivery
    );
    assert!(
        (5..=172_800).contains(&limits.execution.as_secs()),
        "{comment}: execution timeout {:?}",
        limits.execution
    );
}

fn ambiguous() -> TransportError {
    TransportError::Ambiguous {
        operation: "SendCommand",
        source: "the test took the answer away".into(),
    }
}
