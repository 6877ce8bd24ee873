//! A strict transport in memory, with hosts that keep receipts as protocol §1 says. It exists for
//! the simulation of whole rollouts: everything happens on the clock it is given, so on paused
//! time a rollout takes milliseconds, and a seed that decides the fates replays exactly.
//!
//! It owns what a service and its hosts would: commands, answers, receipts, what really runs.
//! It runs no script and must not be kinder than SSM: a caller that breaks a limit panics, an
//! answer comes late, twice or never, and a clone is a second controller of the same hosts.
//! The functions that decide fates run while the world is locked: they may not call it.

mod delivery;
mod fate;
mod host;
mod world;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::batch::{MAX_INSTANCES, take};
use super::{ClockSkew, SendLimits, Sent, Transport, TransportError};
use crate::model::clock::Clock;
use crate::model::id::{CommandId, HostName, InstanceId, ServiceName, Version};
use crate::model::report::{CurrentState, Report};
use crate::model::task::{Answer, Comment, HostTask, Presence, SentCommand};
use crate::model::time::Timestamp;

pub use fate::{
    Behaviour, CancelFate, Delivery, Ending, HostAction, HostActionKind, Script, SendFate, Stage,
};
use world::World;

/// See the module. Clones share hosts and commands.
#[derive(Clone)]
pub struct MemoryTransport {
    clock: Arc<dyn Clock>,
    world: Arc<Mutex<World>>,
    latency: Duration,
}

impl MemoryTransport {
    /// Linux hosts, all online, with nothing installed; every script succeeds within a second.
    pub fn new(clock: Arc<dyn Clock>, hosts: impl IntoIterator<Item = InstanceId>) -> Self {
        let world = World::new(clock.now(), clock.monotonic(), hosts);
        Self {
            clock,
            world: Arc::new(Mutex::new(world)),
            latency: Duration::ZERO,
        }
    }

    /// Lets every call take this long, half before and half after the service has acted: a
    /// controller dropped in the second half has done something and does not know.
    #[must_use]
    pub fn with_latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// What the scripts of a version do on an instance.
    pub fn script(
        &self,
        instance: &InstanceId,
        service: &ServiceName,
        version: &Version,
        behaviour: Behaviour,
    ) {
        let key = (instance.clone(), service.clone(), version.clone(), false);
        self.now().fates.scripts.insert(key, behaviour);
    }

    /// What the step of action `rollback` that undoes a version does on an instance.
    pub fn undo_script(
        &self,
        instance: &InstanceId,
        service: &ServiceName,
        undone: &Version,
        behaviour: Behaviour,
    ) {
        let key = (instance.clone(), service.clone(), undone.clone(), true);
        self.now().fates.scripts.insert(key, behaviour);
    }

    /// A version does not do well on an instance: it says so when it is observed outside a step.
    pub fn sicken(&self, instance: &InstanceId, service: &ServiceName, version: &Version) {
        let key = (instance.clone(), service.clone(), version.clone());
        self.now().fates.sick.insert(key);
    }

    /// Decides the scripts that [`Self::script`] and [`Self::undo_script`] do not name.
    pub fn scripts(&self, decide: impl FnMut(&Script<'_>) -> Behaviour + Send + 'static) {
        self.now().fates.script = Box::new(decide);
    }

    /// The fate of the next send; several are used up in this order.
    pub fn next_send(&self, fate: SendFate) {
        self.now().fates.next_sends.push_back(fate);
    }

    /// Decides the sends that [`Self::next_send`] does not.
    pub fn sends(&self, decide: impl FnMut(&Comment) -> SendFate + Send + 'static) {
        self.now().fates.send = Box::new(decide);
    }

    /// The fate of the next delivery to an instance; several are used up in this order.
    pub fn next_delivery(&self, instance: &InstanceId, fate: Delivery) {
        let mut world = self.now();
        let queue = world.fates.next_deliveries.entry(instance.clone());
        queue.or_default().push_back(fate);
    }

    /// Decides the deliveries that [`Self::next_delivery`] does not.
    pub fn deliveries(
        &self,
        decide: impl FnMut(&Comment, &InstanceId) -> Delivery + Send + 'static,
    ) {
        self.now().fates.delivery = Box::new(decide);
    }

    /// Changes the reports that hosts print: what no runner of ours would say.
    pub fn reports(&self, change: impl FnMut(&mut Report) + Send + 'static) {
        self.now().fates.report = Box::new(change);
    }

    /// Decides what becomes of cancelling what was not delivered.
    pub fn cancels(
        &self,
        decide: impl FnMut(&Comment, &InstanceId) -> CancelFate + Send + 'static,
    ) {
        self.now().fates.cancel = Box::new(decide);
    }

    /// Takes an instance off the network or back. What is under way on it goes on; what was sent
    /// to it is delivered if it comes back within the delivery timeout.
    pub fn set_online(&self, instance: &InstanceId, online: bool) {
        self.now().instance(instance).online = online;
    }

    /// Makes the service forget an instance: a send that names it rejects it.
    pub fn forget(&self, instance: &InstanceId) {
        self.now().forget(instance);
    }

    /// Sets an instance's clock ahead of the service's, or behind it.
    pub fn set_host_clock(&self, instance: &InstanceId, seconds: i64) {
        self.now().instance(instance).clock_ahead = seconds;
    }

    /// Sets the service's clock ahead of the controller's, or behind it.
    pub fn set_skew(&self, seconds: i64) {
        self.now().skew = seconds;
    }

    /// Makes every call fail as unreachable, or no longer.
    pub fn set_down(&self, down: bool) {
        self.now().down = down;
    }

    /// How long after its acceptance a command that is sent from now on cannot be found yet:
    /// eventual consistency.
    pub fn set_visibility_delay(&self, delay: Duration) {
        self.now().visibility_delay = delay;
    }

    /// Changes what runs on a host behind fleet's back; none takes it away.
    pub fn install_by_hand(
        &self,
        instance: &InstanceId,
        host: &HostName,
        service: &ServiceName,
        version: Option<Version>,
    ) {
        let mut world = self.now();
        world.service_mut(instance, host, service).installed = version;
    }

    /// What really runs on a host at this moment.
    pub fn installed(
        &self,
        instance: &InstanceId,
        host: &HostName,
        service: &ServiceName,
    ) -> Option<Version> {
        self.now()
            .service(instance, host, service)
            .and_then(|state| state.installed.clone())
    }

    /// The `current` of a service on a host at this moment.
    pub fn current(
        &self,
        instance: &InstanceId,
        host: &HostName,
        service: &ServiceName,
    ) -> Option<CurrentState> {
        self.now()
            .service(instance, host, service)
            .and_then(|state| state.current.clone())
    }

    /// Everything hosts have done so far, in order.
    pub fn history(&self) -> Vec<HostAction> {
        self.now().history.clone()
    }

    /// Every command the service has accepted so far, in order, also those nobody was told about.
    pub fn accepted(&self) -> Vec<SentCommand> {
        let world = self.now();
        world.commands.iter().map(|c| c.sent.clone()).collect()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The world after everything that is due.
    fn now(&self) -> MutexGuard<'_, World> {
        let mut world = self.world();
        world.advance(self.clock.monotonic());
        world
    }

    async fn half(&self) {
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency / 2).await;
        }
    }

    /// One call: the service acts in the middle of it.
    async fn call<T>(
        &self,
        act: impl FnOnce(&mut World) -> Result<T, TransportError> + Send,
    ) -> Result<T, TransportError>
    where
        T: Send,
    {
        self.half().await;
        let result = {
            let mut world = self.now();
            if world.down {
                Err(world::unreachable())
            } else {
                world.answered = true;
                act(&mut world)
            }
        };
        self.half().await;
        result
    }
}

#[async_trait]
impl Transport for MemoryTransport {
    async fn inventory(
        &self,
        instances: &[InstanceId],
    ) -> Result<BTreeMap<InstanceId, Presence>, TransportError> {
        self.call(|world| {
            let presence = |id: &InstanceId| (id.clone(), world.presence(id));
            Ok(instances.iter().map(presence).collect())
        })
        .await
    }

    fn batches(&self, mut tasks: Vec<HostTask>) -> Result<Vec<Vec<HostTask>>, TransportError> {
        let mut batches = Vec::new();
        while !tasks.is_empty() {
            batches.push(take(&mut tasks, MAX_INSTANCES));
        }
        Ok(batches)
    }

    async fn send(
        &self,
        comment: &Comment,
        batch: &[HostTask],
        limits: SendLimits,
    ) -> Result<Sent, TransportError> {
        let at = self.clock.now();
        self.call(|world| world.send(comment, batch, limits, at))
            .await
    }

    async fn poll(&self, commands: &[SentCommand]) -> Result<Vec<Answer>, TransportError> {
        self.call(|world| Ok(world.answers(commands))).await
    }

    async fn cancel(&self, command: &SentCommand) -> Result<(), TransportError> {
        self.call(|world| {
            world.cancel(&command.command);
            Ok(())
        })
        .await
    }

    async fn find(
        &self,
        since: Timestamp,
        prefix: &str,
    ) -> Result<Vec<SentCommand>, TransportError> {
        self.call(|world| Ok(world.find(since, prefix))).await
    }

    async fn output(
        &self,
        command: &CommandId,
        instance: &InstanceId,
    ) -> Result<String, TransportError> {
        self.call(|world| Ok(world.output(command, instance))).await
    }

    fn clock_skew(&self) -> Option<ClockSkew> {
        let world = self.world();
        let seconds = world.skew;
        world.answered.then_some(ClockSkew { seconds })
    }
}
