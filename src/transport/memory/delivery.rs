//! A command's way to its instances and the answers' way back, as events.

use std::time::Duration;

use super::fate::{CancelFate, Delivery, HostAction, HostActionKind};
use super::host::{self, Moment, Place};
use super::world::World;
use crate::model::id::{CommandId, HostName, InstanceId, ServiceName, StepId};
use crate::model::task::{AnswerContent, HostTask, Work};
use crate::model::time::Timestamp;
use crate::transport::SendLimits;

/// From acceptance to the start on an idle host.
const DELIVERY: Duration = Duration::from_millis(100);
/// How long the runner waits for its host's lock (protocol §1, 2).
const LOCK_WAIT: Duration = Duration::from_secs(60);
/// How often a delivery or an answer is tried while the host is offline.
const RETRY: Duration = Duration::from_secs(1);

/// What happens at some moment.
pub(super) enum Event {
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
pub(super) struct Run {
    command: usize,
    task: HostTask,
    fate: Delivery,
    /// When it arrived at the host.
    arrived: Option<Duration>,
}

impl World {
    pub(super) fn dispatch(
        &mut self,
        command: usize,
        task: &HostTask,
        fate: Delivery,
        limits: SendLimits,
    ) {
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
        if fate != Delivery::Unheard {
            self.schedule(gives_up, lost());
        }
        let run = Run {
            command,
            task: task.clone(),
            fate,
            arrived: None,
        };
        self.schedule(arrives, Event::Arrive(Box::new(run)));
    }

    /// Cancels a command where it did not arrive: the service calls it cancelled at once.
    pub(super) fn cancel(&mut self, command: &CommandId) {
        let found = self
            .commands
            .iter()
            .position(|c| c.sent.command == *command);
        let Some(number) = found else { return };
        let command = &mut self.commands[number];
        let waits = |id: &&InstanceId| {
            !command.delivered.contains(*id) && !command.answers.contains_key(*id)
        };
        let ids: Vec<InstanceId> = command
            .sent
            .instances
            .iter()
            .filter(waits)
            .cloned()
            .collect();
        let comment = command.sent.comment.clone();
        for id in ids {
            let cancelled = AnswerContent::Lost("Cancelled".into());
            self.commands[number].answers.insert(id.clone(), cancelled);
            let fate = (self.fates.cancel)(&comment, &id);
            self.queue.retain(|_, event| match event {
                Event::Arrive(run) if run.command == number && run.task.instance == id => {
                    if let CancelFate::Killed(stage) = fate {
                        run.fate = Delivery::Killed { stage, again: None };
                    }
                    fate != CancelFate::Stopped
                }
                _ => true,
            });
        }
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

    pub(super) fn happen(&mut self, event: Event) {
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
        self.commands[run.command].delivered.insert(id.clone());
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
            (Delivery::ReplyLost | Delivery::Unheard, _) | (_, None) => None,
            (Delivery::Garbled, Some(_)) => Some(AnswerContent::Garbled("\u{fffd}{\"fle".into())),
            (_, Some(AnswerContent::Reports(mut reports))) => {
                reports.iter_mut().for_each(&mut self.fates.report);
                Some(AnswerContent::Reports(reports))
            }
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
}

/// What a clock shows that long after the start.
pub(super) fn host_time(start: Timestamp, skew: i64, since: Duration, ahead: i64) -> Timestamp {
    let later = start + since;
    Timestamp::from_unix(later.unix() + skew + ahead)
}
