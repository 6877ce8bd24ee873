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
        let desired = GitDesired::new(Arc::clone(repository), settings.clone());
        let kept = Kept::Until { no_wait };
        Self::seat(context, repository, settings, fleet, desired, kept).await
    }

    /// For a process that stays and acts on all environments.
    ///
    /// # Errors
    /// Exit code 5 where another one stays here; 130 at Ctrl-C.
    pub(crate) async fn stay(
        context: &Context,
        repository: &Arc<Repository>,
        fleet: &Fleet,
    ) -> Result<Self, CliError> {
        let settings = &fleet.git;
        let desired = GitDesired::checking_syntax(Arc::clone(repository), settings.clone());
        Self::seat(context, repository, settings, fleet, desired, Kept::Forever).await
    }

    async fn seat(
        context: &Context,
        repository: &Arc<Repository>,
        settings: &GitSettings,
        fleet: &Fleet,
        desired: GitDesired,
        kept: Kept,
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
        let lock = lock(context, repository, kept, &mut stop).await?;
        Ok(Self {
            ledger: GitLedger::new(
                Arc::clone(repository),
                settings,
                fleet.name.clone(),
                Arc::new(SystemRandom),
            ),
            desired,
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
        let result = self.drive(context, &connection, work).await;
        connection.close().await;
        // What follows is for stdout, which live lines know nothing of.
        self.progress.clear();
        result
    }

    /// Gives a controller with this way to hosts to some work.
    pub(crate) async fn drive<T>(
        &self,
        context: &Context,
        connection: &Connection,
        work: impl AsyncFnOnce(&Controller<'_>) -> T,
    ) -> T {
        let events = |event: Event| self.progress.show(&event);
        work(&Controller {
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
        .await
    }

    /// The record.
    pub(crate) const fn ledger(&self) -> &GitLedger {
        &self.ledger
    }

    /// Desired commits.
    pub(crate) const fn desired(&self) -> &GitDesired {
        &self.desired
    }

    /// Turns true at the first signal.
    pub(crate) fn stop(&self) -> watch::Receiver<bool> {
        self.stop.clone()
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

/// How long this process acts on the repository.
#[derive(Clone, Copy)]
enum Kept {
    /// Until its work is done; whether it waits for another one's.
    Until { no_wait: bool },
    /// Until it is told to end.
    Forever,
}

/// What a process that stays calls itself.
const STAYS: &str = "fleet run";

async fn lock(
    context: &Context,
    repository: &Repository,
    kept: Kept,
    stop: &mut watch::Receiver<bool>,
) -> Result<ControllerLock, CliError> {
    let stays = matches!(kept, Kept::Forever).then_some(STAYS);
    let mut said = false;
    loop {
        let other = match repository.lock(context.now(), stays)? {
            Ok(lock) => return Ok(lock),
            Err(locked) => locked,
        };
        let by = other.by;
        let held = || {
            let error = format!("another fleet acts on this repository: {by}");
            CliError::other(Exit::Held, error)
        };
        if other.stays {
            return Err(held().hint(
                "it applies what is desired by itself, and `fleet status` says how far it is; to act \
                 beside it, end it first",
            ));
        }
        if matches!(kept, Kept::Until { no_wait: true }) {
            return Err(held().hint("without --no-wait this one waits for it"));
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
