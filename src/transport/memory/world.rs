//! The service and its hosts: commands, deliveries and answers as events on one clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::fate::{Delivery, Fates, HostAction, HostActionKind, SendFate};
use super::host::{self, Moment, Place, ServiceState, Services};
use crate::model::desired::Platform;
use crate::model::id::{CommandId, HostName, InstanceId, ServiceName, StepId};
use crate::model::task::{Answer, AnswerContent, Comment, HostTask, Presence, SentCommand, Work};
use crate::model::time::Timestamp;
use crate::transport::batch::MAX_INSTANCES;
use crate::transport::{SendLimits, Sent, TransportError};

/// From acceptance to the start on an idle host.
const DELIVERY: Duration = Duration::from_millis(100);
/// How long the runner waits for its host's lock (protocol §1, 2).
const LOCK_WAIT: Duration = Duration::from_secs(60);
/// How often a delivery or an answer is tried while the host is offline.
const RETRY: Duration = Duration::from_secs(1);

/// When, then what kind, then in which order it was scheduled.
type Due = (Duration, u8, u64);

pub(super) struct World {
    start: Timestamp,
    origin: Duration,
    now: Duration,
    instances: BTreeMap<InstanceId, Instance>,
    forgotten: BTreeSet<InstanceId>,
    queue: BTreeMap<Due, Event>,
    counter: u64,
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
    services: Services,
    /// Until when a host's lock is held.
    locks: BTreeMap<HostName, Duration>,
}

pub(super) struct Command {
    pub(super) sent: SentCommand,
    accepted: Duration,
    limits: SendLimits,
    answers: BTreeMap<InstanceId, AnswerContent>,
}

enum Event {
    Arrive(Box<Run>),
    Moment {
        command: usize,
        instance: InstanceId,
        host: HostName,
        moment: Box<Moment>,
    },
    Answer {
        command: usize,
        instance: InstanceId,
        content: AnswerContent,
        /// The service's own word needs no network of the host.
        of_service: bool,
    },
}

/// A task on its way, or waiting for its host's lock.
struct Run {
    command: usize,
    task: HostTask,
    fate: Delivery,
    /// When it arrived at the host.
    arrived: Option<Duration>,
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
            limits,
            answers: BTreeMap::new(),
        });
        sent
    }

    fn dispatch(&mut self, command: usize, task: &HostTask, fate: Delivery, limits: SendLimits) {
        let gives_up = self.now + limits.delivery + limits.execution;
        let word = |content| Event::Answer {
            command,
            instance: task.instance.clone(),
            content,
            of_service: true,
        };
        let lost = || word(AnswerContent::Lost("the service gave up waiting".into()));
        let arrives = match fate {
            Delivery::Undeliverable => {
                let content = AnswerContent::Undelivered("undeliverable".into());
                return self.schedule(self.now + limits.delivery, word(content));
            }
            Delivery::NeverArrives => {
                return self.schedule(self.now + limits.delivery, lost());
            }
            Delivery::Late(by) => self.now + by,
            _ => self.now + DELIVERY,
        };
        self.schedule(gives_up, lost());
        let run = Run {
            command,
            task: task.clone(),
            fate,
            arrived: None,
        };
        self.schedule(arrives, Event::Arrive(Box::new(run)));
    }

    fn schedule(&mut self, at: Duration, event: Event) {
        // What ends at a moment has ended before the next thing starts at the same moment.
        let kind = match event {
            Event::Moment { .. } => 0,
            Event::Answer { .. } => 1,
            Event::Arrive(_) => 2,
        };
        self.counter += 1;
        self.queue.insert((at, kind, self.counter), event);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive(run) => self.arrive(*run),
            Event::Moment {
                command,
                instance,
                host,
                moment,
            } => {
                let Moment {
                    service,
                    state,
                    actions,
                    ..
                } = *moment;
                for (step, kind) in actions {
                    self.record(command, &instance, &host, &service, step, kind);
                }
                if !service.as_str().is_empty() {
                    *self.service_mut(&instance, &host, &service) = state;
                }
            }
            Event::Answer {
                command,
                instance,
                content,
                of_service,
            } => {
                if !of_service && !self.instance(&instance).online {
                    let retry = Event::Answer {
                        command,
                        instance,
                        content,
                        of_service,
                    };
                    return self.schedule(self.now + RETRY, retry);
                }
                // What a service has called ended stays as it is.
                let answers = &mut self.commands[command].answers;
                answers.entry(instance).or_insert(content);
            }
        }
    }

    fn arrive(&mut self, mut run: Run) {
        let now = self.now;
        let command = &self.commands[run.command];
        let (limits, accepted) = (command.limits, command.accepted);
        let id = run.task.instance.clone();
        let instance = self.instances.get_mut(&id).expect("it was accepted");
        let arrived = match run.arrived {
            Some(at) => at,
            None if instance.online => now,
            None if now < accepted + limits.delivery => {
                return self.schedule(now + RETRY, Event::Arrive(Box::new(run)));
            }
            None => return,
        };
        run.arrived = Some(arrived);
        let host = run.task.host.clone();
        let held_until = instance.locks.get(&host).copied().unwrap_or_default();
        if held_until > now {
            let patience = arrived + LOCK_WAIT;
            if now < patience {
                let at = held_until.min(patience);
                return self.schedule(at, Event::Arrive(Box::new(run)));
            }
            return self.say_busy(&run);
        }
        let killed_in = match run.fate {
            Delivery::Killed { stage, .. } => Some(stage),
            _ => None,
        };
        let place = Place {
            instance: &id,
            host: &host,
            time: host_time(
                self.start,
                self.skew,
                now - self.origin,
                instance.clock_ahead,
            ),
            killed_in,
        };
        let timeline = host::run(&place, &instance.services, &run.task.work, &mut self.fates);
        let limit = (arrived + limits.execution).saturating_sub(now);
        let (takes, answer) = if timeline.takes > limit {
            let content = AnswerContent::Lost("execution timed out".into());
            (limit, Some(content))
        } else {
            (timeline.takes, timeline.answer)
        };
        instance.locks.insert(host.clone(), now + takes);
        for moment in timeline.moments.into_iter().filter(|m| m.after <= takes) {
            let at = now + moment.after;
            let event = Event::Moment {
                command: run.command,
                instance: id.clone(),
                host: host.clone(),
                moment: Box::new(moment),
            };
            self.schedule(at, event);
        }
        self.answer_and_repeat(run, now + takes, answer);
    }

    /// What follows a run: its answer, and another run of the same command.
    fn answer_and_repeat(&mut self, run: Run, ended: Duration, answer: Option<AnswerContent>) {
        let again = match run.fate {
            Delivery::Twice(by) => Some(by),
            Delivery::Killed { again, .. } => again,
            _ => None,
        };
        let answer = match (run.fate, answer) {
            (Delivery::ReplyLost, _) | (_, None) => None,
            (Delivery::Garbled, Some(_)) => Some(AnswerContent::Garbled("\u{fffd}{\"fle".into())),
            (_, answer) => answer,
        };
        if let Some(content) = answer {
            let event = Event::Answer {
                command: run.command,
                instance: run.task.instance.clone(),
                content,
                of_service: false,
            };
            self.schedule(ended, event);
        }
        if let Some(by) = again {
            let at = ended.max(run.arrived.unwrap_or(ended) + by);
            let repeat = Run {
                fate: Delivery::Normal,
                arrived: Some(at),
                ..run
            };
            self.schedule(at, Event::Arrive(Box::new(repeat)));
        }
    }

    fn say_busy(&mut self, run: &Run) {
        let task = &run.task;
        if let Work::Step(step) = &task.work {
            let kind = HostActionKind::Busy;
            self.record(
                run.command,
                &task.instance,
                &task.host,
                &step.service,
                step.step.clone(),
                kind,
            );
        }
        let event = Event::Answer {
            command: run.command,
            instance: task.instance.clone(),
            content: host::busy(&task.work, &task.host),
            of_service: false,
        };
        self.schedule(self.now, event);
    }

    fn record(
        &mut self,
        command: usize,
        instance: &InstanceId,
        host: &HostName,
        service: &ServiceName,
        step: StepId,
        kind: HostActionKind,
    ) {
        self.history.push(HostAction {
            at: host_time(self.start, self.skew, self.now - self.origin, 0),
            monotonic: self.now,
            instance: instance.clone(),
            host: host.clone(),
            service: service.clone(),
            step,
            command: self.commands[command].sent.command.clone(),
            kind,
        });
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
                    && command.accepted + self.visibility_delay <= self.now
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

fn host_time(start: Timestamp, skew: i64, since: Duration, ahead: i64) -> Timestamp {
    let later = start + since;
    Timestamp::from_unix(later.unix() + skew + ahead)
}
