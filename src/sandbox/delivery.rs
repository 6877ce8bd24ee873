//! Which command reaches which agent when, and what an agent does with it: 5 workers, 5 places in
//! its buffer, and then it takes nothing for a while.

use std::sync::Arc;
use std::time::Duration;

use super::command::{Invocation, Stage};
use super::faults::{ActiveFaults, Faults};
use super::host::Message;
use super::locked;
use super::run::{self, Cancel, Ended, Run};
use super::service::{Service, State};
use super::status::InvocationStatus;
use super::time::Millis;
use crate::model::id::{CommandId, InstanceId};

/// CommandWorkersLimit, and as many wait in the agent's buffer.
const WORKERS: usize = 5;
/// How long an agent with a full buffer takes nothing.
const INTAKE_PAUSE_SECONDS: u64 = 10;
/// CommandRetryLimit: how often a command that was interrupted is started.
pub(super) const MOST_RUNS: u32 = 15;

impl Service {
    /// Puts a command's next invocations into their mailboxes, as MaxConcurrency and MaxErrors
    /// have it.
    pub(super) fn release(self: &Arc<Self>, id: &CommandId) {
        let mut state = locked(&self.state);
        let now = self.now(&state);
        let Some(command) = state.commands.get_mut(id) else {
            return;
        };
        let released = command.release(now);
        let not_before = now.plus_seconds(state.faults.get().delivery_delay);
        let mut changed = released.terminated;
        for instance in &released.sent {
            let twice = state.faults.duplicate(instance);
            if state.faults.lose(instance) {
                state.mark(id, instance, Stage::Lost);
                changed.push(instance.clone());
            } else if let Some(host) = state.hosts.get_mut(instance) {
                host.mailbox.push_back(Message {
                    command: id.clone(),
                    not_before,
                    twice,
                });
            }
        }
        for instance in &changed {
            if let Some(invocation) = state.invocation(id, instance) {
                self.keep_invocation(id, instance, invocation);
            }
        }
        self.close(&mut state, id);
        drop(state);
        for instance in released.sent {
            self.deliver(&instance);
        }
    }

    /// Hands an agent what it can take now. Called after anything that may have changed that.
    pub(super) fn deliver(self: &Arc<Self>, instance: &InstanceId) {
        let mut state = locked(&self.state);
        let now = self.now(&state);
        if state.absence(instance).is_some() {
            return;
        }
        while let Some(message) = state.next_message(instance, now) {
            self.accept(&mut state, instance, message, now);
        }
        let wake = state.next_wake(instance, now);
        drop(state);
        if let Some(at) = wake {
            let service = Arc::downgrade(self);
            let instance = instance.clone();
            self.spawn(async move {
                tokio::time::sleep(at.since(now) + Duration::from_millis(1)).await;
                if let Some(service) = service.upgrade() {
                    if let Some(host) = locked(&service.state).hosts.get_mut(&instance) {
                        host.wake_at = None;
                    }
                    service.deliver(&instance);
                }
            });
        }
    }

    /// The agent has it: a worker takes it, or the buffer.
    fn accept(
        self: &Arc<Self>,
        state: &mut State,
        instance: &InstanceId,
        message: Message,
        now: Millis,
    ) {
        let id = message.command.clone();
        if let Some(command) = state.commands.get_mut(&id)
            && let Some(invocation) = command.invocations.get_mut(instance)
        {
            invocation.status = InvocationStatus::InProgress;
            invocation.stage = Stage::Buffered;
        }
        let Some(host) = state.hosts.get_mut(instance) else {
            return;
        };
        if host.running < WORKERS {
            self.start(state, instance, &message, now);
        } else {
            host.buffer.push_back(message);
        }
    }

    /// A worker takes a command.
    fn start(
        self: &Arc<Self>,
        state: &mut State,
        instance: &InstanceId,
        message: &Message,
        now: Millis,
    ) {
        let id = &message.command;
        let Some(host) = state.hosts.get_mut(instance) else {
            return;
        };
        let place = host.instance.clone();
        let copies = if message.twice { 2 } else { 1 };
        host.running += copies;
        let Some(command) = state.commands.get_mut(id) else {
            return;
        };
        let accepted = command.accepted.clone();
        let Some(invocation) = command.invocations.get_mut(instance) else {
            return;
        };
        invocation.stage = Stage::Running;
        invocation.started_at.get_or_insert(now);
        self.keep_invocation(id, instance, invocation);
        let started_at = invocation.started_at.unwrap_or(now);
        for copy in 0..copies {
            let cancel = Arc::new(Cancel::default());
            let key = (id.clone(), instance.clone());
            state
                .cancels
                .entry(key)
                .or_default()
                .push(Arc::clone(&cancel));
            let run = Run::new(self, &accepted, &place, copy, started_at, cancel);
            self.spawn(Arc::clone(self).work(run));
        }
    }

    /// A worker at work, from the script's start to the answer.
    async fn work(self: Arc<Self>, run: Run) {
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let run = Arc::new(run);
        let ended = run::execute(&self, &run).await;
        drop(slot);
        self.answer(&run, ended);
    }

    /// The agent's answer arrives. After a final status it changes nothing.
    fn answer(self: &Arc<Self>, run: &Run, ended: Ended) {
        let mut state = locked(&self.state);
        let now = self.now(&state);
        if let Some(command) = state.commands.get_mut(&run.command)
            && let Some(invocation) = command.invocations.get_mut(&run.instance)
            && !invocation.status.is_terminal()
        {
            invocation.code = ended.code;
            invocation.standard_output = ended.standard_output;
            invocation.standard_error = ended.standard_error;
            invocation.output = ended.output;
            invocation.end(ended.status, now);
            self.keep_invocation(&run.command, &run.instance, invocation);
        }
        run.clean_up();
        self.close(&mut state, &run.command);
        state
            .cancels
            .remove(&(run.command.clone(), run.instance.clone()));
        if let Some(host) = state.hosts.get_mut(&run.instance) {
            host.running = host.running.saturating_sub(1);
        }
        while let Some(message) = state.next_buffered(&run.instance) {
            self.start(&mut state, &run.instance, &message, now);
        }
        drop(state);
        self.release(&run.command);
        self.deliver(&run.instance);
    }

    /// Switches faults; what is not named is off.
    pub(super) fn set_faults(self: &Arc<Self>, faults: Faults) {
        let mut state = locked(&self.state);
        let now = self.now(&state);
        state.faults = ActiveFaults::new(faults, now);
        drop(state);
        self.deliver_to_all();
    }

    /// Moves the service's time, and returns it.
    pub(super) fn advance(self: &Arc<Self>, seconds: u64) -> Millis {
        let mut state = locked(&self.state);
        state.advanced_seconds = state.advanced_seconds.saturating_add(seconds);
        let now = self.now(&state);
        drop(state);
        self.deliver_to_all();
        now
    }

    fn deliver_to_all(self: &Arc<Self>) {
        let instances: Vec<InstanceId> = locked(&self.state).hosts.keys().cloned().collect();
        for instance in &instances {
            self.deliver(instance);
        }
    }

    /// Takes up what the last owner of the folder left: scripts that still run are waited for,
    /// those that were interrupted run again, the rest is delivered.
    pub(super) fn resume(self: &Arc<Self>) {
        let mut state = locked(&self.state);
        let now = self.now(&state);
        let open: Vec<CommandId> = state.open.iter().cloned().collect();
        for id in &open {
            let Some(command) = state.commands.get(id) else {
                continue;
            };
            let under_way: Vec<_> = command
                .accepted
                .instances
                .iter()
                .filter_map(|instance| {
                    Some((instance.clone(), command.invocations.get(instance)?.stage))
                })
                .collect();
            for (instance, stage) in under_way {
                let message = Message {
                    command: id.clone(),
                    not_before: now,
                    twice: false,
                };
                match stage {
                    Stage::Running => self.start(&mut state, &instance, &message, now),
                    Stage::Sent => {
                        if let Some(host) = state.hosts.get_mut(&instance) {
                            host.mailbox.push_back(message);
                        }
                    }
                    Stage::Waiting | Stage::Lost | Stage::Buffered | Stage::Done => {}
                }
            }
        }
        drop(state);
        for id in &open {
            self.release(id);
        }
        self.deliver_to_all();
    }
}

impl State {
    pub(super) fn invocation(&self, id: &CommandId, instance: &InstanceId) -> Option<&Invocation> {
        self.commands.get(id)?.invocations.get(instance)
    }

    fn mark(&mut self, id: &CommandId, instance: &InstanceId, stage: Stage) {
        if let Some(command) = self.commands.get_mut(id)
            && let Some(invocation) = command.invocations.get_mut(instance)
        {
            invocation.stage = stage;
        }
    }

    /// The next command that this agent takes now.
    fn next_message(&mut self, instance: &InstanceId, now: Millis) -> Option<Message> {
        let host = self.hosts.get_mut(instance)?;
        let commands = &self.commands;
        host.mailbox.retain(|message| {
            commands.get(&message.command).is_some_and(|command| {
                let open = command
                    .invocations
                    .get(instance)
                    .is_some_and(|invocation| !invocation.status.is_terminal());
                // What was not delivered in time is not delivered any more.
                open && now < command.accepted.delivery_deadline()
            })
        });
        let due = host
            .mailbox
            .iter()
            .position(|message| message.not_before <= now)?;
        if host.intake_closed_until.is_some_and(|until| now < until) {
            return None;
        }
        if host.running >= WORKERS && host.buffer.len() >= WORKERS {
            host.intake_closed_until = Some(now.plus_seconds(INTAKE_PAUSE_SECONDS));
            return None;
        }
        host.mailbox.remove(due)
    }

    /// When an agent's mailbox has to be looked at again, where nobody will yet.
    fn next_wake(&mut self, instance: &InstanceId, now: Millis) -> Option<Millis> {
        let host = self.hosts.get_mut(instance)?;
        let first = host
            .mailbox
            .iter()
            .map(|message| message.not_before)
            .min()?;
        let at = first
            .max(host.intake_closed_until.unwrap_or(first))
            .max(now);
        if host.wake_at.is_some_and(|planned| planned <= at) {
            return None;
        }
        host.wake_at = Some(at);
        Some(at)
    }

    /// The next command of the buffer for a free worker.
    fn next_buffered(&mut self, instance: &InstanceId) -> Option<Message> {
        let host = self.hosts.get_mut(instance)?;
        if host.running >= WORKERS {
            return None;
        }
        loop {
            let message = host.buffer.pop_front()?;
            let ended = self
                .commands
                .get(&message.command)
                .and_then(|command| command.invocations.get(instance))
                .is_none_or(|invocation| invocation.status.is_terminal());
            if !ended {
                return Some(message);
            }
        }
    }
}
