//! `fleet run`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use tokio::sync::Notify;

use super::Context;
use super::apply::told;
use super::controller::Cockpit;
use super::error::{CliError, Exit};
use super::interrupt;
use super::system::SystemRandom;
use super::transport::Connections;
use super::ui::{Format, Ui};
use super::workspace;
use crate::daemon::{Daemon, Said, Site};
use crate::git::{self, Repository};
use crate::ledger::Ledger as _;
use crate::model::desired::GitSettings;
use crate::model::id::{EnvironmentName, Revision};
use crate::model::time::Seconds;
use crate::reconcile::{Pass, PassOutcome, ReconcileError};
use crate::reporter;
use crate::reporter::text::plural;
use crate::rollout::{Controller, DesiredSource as _, DesiredState};

/// Keep the hosts at what git says
///
/// Watches the desired branch, the ledger and people's statements, and rolls out what comes, in all
/// environments side by side, until it is ended. An environment that is not valid stands still and
/// keeps no other one. Each decision is a line on stderr; --format json prints events.
///
/// SIGTERM and Ctrl-C record where things stand and leave, also in the middle of a wave: what was
/// sent goes on at its hosts, and the next start takes it up. Several may run for one remote: the
/// ledger decides who acts.
///
/// Exits 0 after SIGTERM, 130 after Ctrl-C.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Ask the remote at least so often whether something moved
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = interval)]
    interval: Seconds,
}

fn interval(text: &str) -> Result<Seconds, String> {
    match text.parse::<Seconds>() {
        Ok(Seconds(0)) => Err("it must be at least 1s".to_owned()),
        Ok(interval) => Ok(interval),
        Err(problem) => Err(problem.to_string()),
    }
}

pub(crate) async fn run(context: &Context, args: &RunArgs) -> Result<Exit, CliError> {
    // Lines only: environments side by side are more than live ones can show.
    let context = &Context {
        ui: Ui {
            live: false,
            ..context.ui
        },
        ..context.clone()
    };
    let repository = Arc::new(workspace::open(context)?);
    let fleet = workspace::checked_out(context, &repository)?;
    let cockpit = Cockpit::stay(context, &repository, &fleet).await?;
    let ground = Ground {
        context,
        repository: &repository,
        cockpit: &cockpit,
        connections: Connections::default(),
        said: Mutex::default(),
    };
    let wake = Arc::new(Notify::new());
    let _watch = watch(context, &repository, &fleet.git, &wake);
    Daemon {
        site: &ground,
        ledger: cockpit.ledger(),
        desired: cockpit.desired(),
        clock: &*context.clock,
        random: &SystemRandom,
        wake: &wake,
        stop: cockpit.stop(),
        interval: args.interval.duration(),
    }
    .run()
    .await;
    ground.connections.close().await;
    // Nobody waits any more for what a remote does not answer.
    let _none_starts = git::end_running();
    Ok(match interrupt::is_terminated() {
        true => Exit::Done,
        false => Exit::Interrupted,
    })
}

/// Wakes the daemon when a branch moves here. It looks at its interval, too.
fn watch(
    context: &Context,
    repository: &Repository,
    settings: &GitSettings,
    wake: &Arc<Notify>,
) -> Option<git::RefWatch> {
    let wake = Arc::clone(wake);
    let watch = repository.watch(&repository.branches(settings), move || wake.notify_one());
    watch.unwrap_or_else(|error| {
        let error = CliError::from(error).hint("they are looked at every --interval");
        context.ui.tell(&error.text());
        None
    })
}

/// The repository's hosts and the process's streams.
struct Ground<'a> {
    context: &'a Context,
    repository: &'a Arc<Repository>,
    cockpit: &'a Cockpit,
    connections: Connections,
    /// What each environment's last pass came to, where that was worth a line.
    said: Mutex<BTreeMap<EnvironmentName, String>>,
}

impl Ground<'_> {
    /// A commit that has the environment: the newest, else the one that its open rollout came from.
    async fn commit_of(&self, name: &EnvironmentName) -> Result<Arc<dyn DesiredState>, CliError> {
        let newest = self.cockpit.desired().fetched().await?;
        if newest.fleet().environments.contains_key(name) {
            return Ok(newest);
        }
        let open = self.cockpit.ledger().read(name).await?.open;
        let before = match open {
            Some(open) => self.cockpit.desired().at(&open.record.revision).await?,
            None => None,
        };
        Ok(before.unwrap_or(newest))
    }

    async fn connected<T>(
        &self,
        name: &EnvironmentName,
        work: impl AsyncFnOnce(&Controller<'_>) -> T,
    ) -> Result<T, CliError> {
        let commit = self.commit_of(name).await?;
        let fleet = commit.fleet();
        let environment = fleet
            .environments
            .get(name)
            .ok_or_else(|| workspace::no_environment(name.as_str(), fleet.environments.keys()))?;
        let connections = &self.connections;
        let connection = connections
            .of(self.context, self.repository, fleet, environment)
            .await?;
        Ok(self.cockpit.drive(self.context, &connection, work).await)
    }

    fn say(&self, line: &str) {
        self.context.ui.tell(&format!("{line}\n"));
    }

    /// `abc1234 "web 1.1.0" (alice)`.
    fn commit(&self, revision: &Revision) -> String {
        match self.repository.describe(revision, None) {
            Ok(commit) => {
                let (subject, author) = (commit.subject, commit.author);
                format!("{} {subject:?} ({author})", revision.short())
            }
            Err(_) => revision.short().to_owned(),
        }
    }

    /// What nothing else has told of.
    fn passed(&self, environment: &EnvironmentName, pass: &Pass, wrote: bool) {
        let ui = self.context.ui;
        let record = told::record(pass);
        if let (Format::Json, Some(record), true) = (ui.format, record, wrote) {
            let waves = Vec::new();
            // A rollout does not stop because nobody reads any more.
            let _gone = ui.answer(&(reporter::rollout::json(record, &waves) + "\n"));
        }
        let is_told = !matches!(
            pass.outcome,
            PassOutcome::Unchanged | PassOutcome::AllOffline
        );
        let summary = if is_told {
            String::new()
        } else {
            told::summary(pass, None)
        };
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let before = said.insert(environment.clone(), summary.clone());
        let is_news = before.unwrap_or_default() != summary;
        if is_news && !summary.is_empty() && summary != told::NO_CHANGES {
            self.say(&format!("{environment}  {summary}"));
        }
    }
}

impl Site for Ground<'_> {
    async fn with<T>(
        &self,
        environment: &EnvironmentName,
        work: impl AsyncFnOnce(&Controller<'_>) -> T,
    ) -> Result<T, String> {
        let done = self.connected(environment, work).await;
        done.map_err(|error| error.text())
    }

    fn words(&self, error: ReconcileError) -> String {
        CliError::from(error).text()
    }

    fn tell(&self, said: Said<'_>) {
        match said {
            Said::Watching {
                environments,
                revision,
            } => self.say(&format!(
                "watching {} at {}",
                plural(environments, "environment"),
                self.commit(revision)
            )),
            Said::Moved { revision } => {
                self.say(&format!("desired is now {}", self.commit(revision)));
            }
            Said::Blind { words } => {
                self.context.ui.tell(words);
                self.say("nothing new is begun until git can be read again");
            }
            Said::Sees => self.say("git can be read again"),
            Said::Invalid {
                environment,
                revision,
            } => {
                let file = format!("environments/{environment}.yaml");
                let errors = self.cockpit.desired().errors(revision, &file);
                let what = match errors.as_slice() {
                    [] => String::new(),
                    [error] => format!(" ({error})"),
                    [error, rest @ ..] => format!(" ({error}; and {} more)", rest.len()),
                };
                self.say(&format!(
                    "{environment}  is not valid at {}{what}; nothing is planned there until it is",
                    revision.short()
                ));
            }
            Said::Valid { environment } => self.say(&format!("{environment}  is valid again")),
            Said::Trouble { environment, words } => {
                self.say(&format!(
                    "{environment}  the pass could not be made; it is tried again"
                ));
                self.context.ui.tell(words);
            }
            Said::Passed {
                environment,
                pass,
                wrote,
            } => self.passed(environment, pass, wrote),
        }
    }
}
