//! What the service knows, and how it survives a restart. Decides nothing about delivery or forms
//! of answers.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::command::Command;
use super::environment::HostEnvironment;
use super::error::SandboxError;
use super::faults::{ActiveFaults, Counters};
use super::folder::{Folder, read_json, write_json};
use super::history;
use super::host::{Absence, Host, SandboxInstance};
use super::locked;
use super::options::SandboxOptions;
use super::run::Cancel;
use super::status::InvocationStatus;
use super::time::{Millis, ServiceClock};
use crate::model::clock::Random;
use crate::model::desired::Platform;
use crate::model::id::{CommandId, InstanceId};

/// Scripts that run at the same time on this machine, over all hosts: each takes a few processes
/// and file descriptors, and 1,000 of each is where many machines draw the line.
const SCRIPTS_AT_ONCE: usize = 128;

/// The service behind the endpoint.
pub(super) struct Service {
    pub(super) folder: Folder,
    pub(super) state: Mutex<State>,
    pub(super) environment: HostEnvironment,
    pub(super) slots: Arc<Semaphore>,
    clock: ServiceClock,
    random: Arc<dyn Random>,
    tasks: Mutex<JoinSet<()>>,
}

/// Everything that changes.
#[derive(Default)]
pub(super) struct State {
    pub(super) hosts: BTreeMap<InstanceId, Host>,
    pub(super) commands: BTreeMap<CommandId, Command>,
    /// Commands that are not complete: all that timers have to look at.
    pub(super) open: BTreeSet<CommandId>,
    pub(super) faults: ActiveFaults,
    pub(super) counters: Counters,
    /// Scripts that run, and how to end them.
    pub(super) cancels: BTreeMap<(CommandId, InstanceId), Vec<Arc<Cancel>>>,
    /// How far tests have moved the service's time.
    pub(super) advanced_seconds: u64,
}

#[derive(Serialize, Deserialize)]
struct Registration {
    #[serde(flatten)]
    instance: SandboxInstance,
    registered_at: Millis,
}

impl Service {
    /// Reads what the folder has. Scripts are not touched before [`Service::resume`].
    pub(super) fn open(
        folder: Folder,
        options: &SandboxOptions,
    ) -> Result<Arc<Self>, SandboxError> {
        let clock = ServiceClock::new(Arc::clone(&options.clock));
        let now = clock.now();
        let mut state = State {
            faults: ActiveFaults::new(options.faults.clone(), now),
            ..State::default()
        };
        for registration in read_json::<Vec<Registration>>(&folder.instances())?.unwrap_or_default()
        {
            let id = registration.instance.instance_id.clone();
            state.hosts.insert(
                id,
                Host::new(registration.instance, registration.registered_at),
            );
        }
        for command in history::read(&folder, &state.hosts, now)? {
            clock.not_before(command.latest());
            if !command.is_complete() {
                state.open.insert(command.accepted.id.clone());
            }
            state.commands.insert(command.accepted.id.clone(), command);
        }
        let service = Arc::new(Self {
            folder,
            state: Mutex::new(state),
            environment: HostEnvironment::new(&options.environment),
            slots: Arc::new(Semaphore::new(SCRIPTS_AT_ONCE)),
            clock,
            random: Arc::clone(&options.random),
            tasks: Mutex::default(),
        });
        service.register(&options.instances)?;
        Ok(service)
    }

    /// The service's time: it decides on timeouts.
    pub(super) fn now(&self, state: &State) -> Millis {
        self.clock.now().plus_seconds(state.advanced_seconds)
    }

    /// The time for the Date header.
    pub(super) fn wall_clock(&self) -> Millis {
        self.clock.now()
    }

    /// A random UUID, version 4.
    pub(super) fn uuid(&self) -> String {
        let [a, b, c, d] = std::array::from_fn(|_| self.random.next());
        format!(
            "{a:08x}-{:04x}-4{:03x}-{:04x}-{:04x}{d:08x}",
            b >> 16,
            b & 0xfff,
            0x8000 | (c >> 16 & 0x3fff),
            c & 0xffff,
        )
    }

    /// Makes instances known; one that is known already takes its new place.
    pub(super) fn register(&self, instances: &[SandboxInstance]) -> Result<(), SandboxError> {
        let mut state = locked(&self.state);
        let now = self.now(&state);
        let mut changed = false;
        for instance in instances {
            let place = |host: &Host| {
                host.instance.environment == instance.environment
                    && host.instance.host == instance.host
            };
            let known = state
                .hosts
                .get(&instance.instance_id)
                .map(|host| &host.instance);
            if known == Some(instance) {
                continue;
            }
            // A folder is one host's: whoever had it before is gone.
            state
                .hosts
                .retain(|id, host| *id == instance.instance_id || !place(host));
            match state.hosts.get_mut(&instance.instance_id) {
                Some(host) => host.instance = instance.clone(),
                None => {
                    let host = Host::new(instance.clone(), now);
                    state.hosts.insert(instance.instance_id.clone(), host);
                }
            }
            changed = true;
        }
        if !changed {
            return Ok(());
        }
        let registrations: Vec<_> = state
            .hosts
            .values()
            .map(|host| Registration {
                instance: host.instance.clone(),
                registered_at: host.registered_at,
            })
            .collect();
        write_json(&self.folder.instances(), &registrations)
    }

    /// How often what was called, since the counters were last set to zero.
    pub(super) fn counters(&self, reset: bool) -> Counters {
        let mut state = locked(&self.state);
        if reset {
            return std::mem::take(&mut state.counters);
        }
        state.counters.clone()
    }

    /// Runs something that ends with the sandbox.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = locked(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Tells everything but the scripts to stop.
    pub(super) fn stop(&self) {
        locked(&self.tasks).abort_all();
    }

    /// Until nothing of this service writes into the folder any more.
    pub(super) async fn stopped(&self) {
        let mut tasks = std::mem::take(&mut *locked(&self.tasks));
        tasks.shutdown().await;
    }
}

impl State {
    /// Why an instance does not answer; none where it does.
    pub(super) fn absence(&self, instance: &InstanceId) -> Option<Absence> {
        let faults = self.faults.get();
        if faults.stopped.contains(instance) {
            return Some(Absence::Stopped);
        }
        if faults.offline.contains(instance) {
            return Some(Absence::Offline);
        }
        let platform = self.hosts.get(instance)?.instance.platform;
        (platform == Platform::Windows).then_some(Absence::NeedsPowerShell)
    }

    /// Ends what no answer came for in time. Returns what changed.
    pub(super) fn expire(&mut self, now: Millis) -> Vec<(CommandId, InstanceId)> {
        let mut expired = Vec::new();
        for id in &self.open {
            let Some(command) = self.commands.get_mut(id) else {
                continue;
            };
            if now < command.accepted.expires_at() {
                continue;
            }
            for (instance, invocation) in &mut command.invocations {
                if !invocation.status.is_terminal() {
                    invocation.end(InvocationStatus::DeliveryTimedOut, now);
                    expired.push((id.clone(), instance.clone()));
                }
            }
        }
        expired
    }
}
