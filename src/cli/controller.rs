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
use super::ui::Ui;
use crate::git::{ControllerLock, LogStore, Repository};
use crate::ledger::store::GitLedger;
use crate::model::desired::{Fleet, GitSettings, Host};
use crate::model::event::Event;
use crate::model::id::{EnvironmentName, HostName, RolloutId, ServiceName};
use crate::rollout::{Controller, LogSink};

/// Everything of a controller but the way to the hosts, which each environment has its own of.
pub(crate) struct Cockpit {
    repository: Arc<Repository>,
    ledger: GitLedger,
    desired: GitDesired,
    ui: Ui,
    progress: Arc<Progress>,
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
        let progress = Arc::new(Progress::new(context.ui));
        // Above the live lines, as long as there are any.
        let (ui, above) = (context.ui, Arc::downgrade(&progress));
        repository.tell_when_slow(move |line| match above.upgrade() {
            Some(progress) => progress.say(line),
            None => ui.tell(&format!("{line}\n")),
        });
        let mut stop = super::interrupt::watch(&progress);
        let lock = lock(context, repository, no_wait, &mut stop).await?;
        Ok(Self {
            ledger: GitLedger::new(
                Arc::clone(repository),
                settings,
                fleet.name.clone(),
                Arc::new(SystemRandom),
            ),
            desired: GitDesired::new(Arc::clone(repository), settings.clone()),
            ui: context.ui,
            progress,
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
        let hosts: Vec<&Host> = environment.hosts.values().collect();
        let connection =
            Connection::open(context, &self.repository, fleet, environment, &hosts).await?;
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
        // What follows is for stdout, which live lines know nothing of.
        self.progress.clear();
        result
    }

    /// Asks in the middle of things, where Ctrl-C does not end the process by itself.
    pub(crate) async fn ask(&self, question: &'static str) -> Result<bool, CliError> {
        let (ui, mut stop) = (self.ui, self.stop.clone());
        let (tell, answer) = tokio::sync::oneshot::channel();
        // A thread of its own: nothing waits for its end when nobody answers.
        std::thread::spawn(move || {
            let _nobody_waits = tell.send(ui.ask(question));
        });
        tokio::select! {
            answer = answer => answer.unwrap_or(Ok(false)),
            Ok(_) = stop.wait_for(|stop| *stop) => Err(CliError::said(Exit::Interrupted)),
        }
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
