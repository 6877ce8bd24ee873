//! What a controller gets from outside, put together for the commands that act on hosts.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Context;
use super::desired::GitDesired;
use super::error::{CliError, Exit};
use super::progress::Progress;
use super::system::SystemRandom;
use super::transport::Connection;
use crate::git::{ControllerLock, LogStore, Repository};
use crate::ledger::store::GitLedger;
use crate::model::desired::{Fleet, GitSettings};
use crate::model::event::Event;
use crate::model::id::{EnvironmentName, HostName, RolloutId, ServiceName};
use crate::rollout::{Controller, LogSink};

/// Everything of a controller but the way to the hosts, which each environment has its own of.
pub(crate) struct Cockpit {
    repository: Arc<Repository>,
    ledger: GitLedger,
    desired: GitDesired,
    progress: Progress,
    logs: Logs,
    stop: watch::Receiver<bool>,
    writer: String,
    /// Nobody else acts on this repository while this is held.
    _lock: ControllerLock,
}

impl Cockpit {
    /// Waits until no other process acts on this repository.
    ///
    /// # Errors
    /// Exit code 5 where one does and `no_wait` is set; 130 at Ctrl-C.
    pub(crate) async fn open(
        context: &Context,
        repository: &Arc<Repository>,
        settings: &GitSettings,
        fleet: &Fleet,
        no_wait: bool,
    ) -> Result<Self, CliError> {
        repository.check_identity()?;
        let mut stop = super::interrupt::watch(context.ui);
        let lock = lock(context, repository, no_wait, &mut stop).await?;
        Ok(Self {
            ledger: GitLedger::new(
                Arc::clone(repository),
                settings,
                fleet.name.clone(),
                Arc::new(SystemRandom),
            ),
            desired: GitDesired::new(Arc::clone(repository), settings.clone()),
            progress: Progress::new(context.ui),
            logs: Logs(repository.logs()),
            stop,
            writer: repository.writer(&SystemRandom)?,
            repository: Arc::clone(repository),
            _lock: lock,
        })
    }

    /// Gives an environment's controller to some work, and ends the sandbox after it.
    pub(crate) async fn with<T>(
        &self,
        context: &Context,
        fleet: &Fleet,
        name: &EnvironmentName,
        work: impl AsyncFnOnce(&Controller<'_>) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        let environment = fleet.environments.get(name).ok_or_else(|| {
            super::workspace::no_environment(name.as_str(), fleet.environments.keys())
        })?;
        let connection = Connection::open(context, &self.repository, fleet, environment).await?;
        let events = |event: Event| self.progress.show(&event);
        let result = work(&Controller {
            clock: &*context.clock,
            random: &SystemRandom,
            transport: &connection.ssm,
            ledger: &self.ledger,
            desired: &self.desired,
            logs: &self.logs,
            events: &events,
            stop: self.stop.clone(),
            writer: self.writer.clone(),
        })
        .await;
        connection.close().await;
        result
    }
}

/// How often a lock is tried that another process has.
const RETRY: Duration = Duration::from_millis(200);

async fn lock(
    context: &Context,
    repository: &Repository,
    no_wait: bool,
    stop: &mut watch::Receiver<bool>,
) -> Result<ControllerLock, CliError> {
    let mut said = false;
    loop {
        let by = match repository.lock(context.now())? {
            Ok(lock) => return Ok(lock),
            Err(locked) => locked.by,
        };
        if no_wait {
            return Err(CliError::other(
                Exit::Held,
                format!("another fleet acts on this repository: {by}"),
            )
            .hint("without --no-wait this one waits for it"));
        }
        if !said {
            said = true;
            context.ui.tell(&format!(
                "waiting for another fleet that acts on this repository: {by}\n"
            ));
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            Ok(_) = stop.wait_for(|stop| *stop) => return Err(CliError::said(Exit::Interrupted)),
        }
    }
}

/// `.git/fleet/logs`.
struct Logs(LogStore);

impl LogSink for Logs {
    fn keep(&self, rollout: &RolloutId, host: &HostName, service: &ServiceName, text: &str) {
        if let Err(error) = self.0.keep(rollout, host, service, text) {
            tracing::warn!(%error, %host, %service, "could not keep a log");
        }
    }
}
