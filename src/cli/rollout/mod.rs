//! `fleet rollout …`: history, one rollout, its output.

mod list;
mod logs;
mod show;

use clap::Subcommand;

use super::Context;
use super::error::{CliError, Exit};
use super::workspace::Books;
use crate::ledger::Ledger as _;
use crate::model::id::{EnvironmentName, RolloutId};
use crate::model::ledger::RolloutLedger;

/// Look at rollouts
#[derive(Debug, Subcommand)]
pub(crate) enum RolloutCommand {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Logs(logs::LogsArgs),
}

impl RolloutCommand {
    pub(crate) const fn has_json(&self) -> bool {
        !matches!(self, Self::Logs(_))
    }
}

pub(crate) async fn run(context: &Context, command: RolloutCommand) -> Result<Exit, CliError> {
    match command {
        RolloutCommand::List(args) => list::run(context, &args).await,
        RolloutCommand::Show(args) => show::run(context, &args).await,
        RolloutCommand::Logs(args) => logs::run(context, &args).await,
    }
}

/// The rollout of an id, or the newest one of an environment.
async fn find(books: &Books, target: &str) -> Result<RolloutLedger, CliError> {
    let names = books.environments();
    if let Some(environment) = names.iter().find(|name| name.as_str() == target) {
        let newest = books.ledger.rollouts(environment).await?.into_iter().next();
        let Some(newest) = newest else {
            return Err(CliError::usage(format!(
                "environment {environment} has no rollout yet"
            )));
        };
        return rollout(books, environment, &newest.id)
            .await?
            .ok_or_else(|| gone(target));
    }
    let id = RolloutId::new(target);
    for environment in &names {
        if let Some(found) = rollout(books, environment, &id).await? {
            return Ok(found);
        }
    }
    Err(gone(target))
}

/// Whether a name is among those asked for; all are where none is.
fn wanted(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|other| other == name)
}

async fn rollout(
    books: &Books,
    environment: &EnvironmentName,
    id: &RolloutId,
) -> Result<Option<RolloutLedger>, CliError> {
    Ok(books.ledger.rollout(environment, id).await?)
}

fn gone(target: &str) -> CliError {
    CliError::usage(format!(
        "{target:?} is neither an environment nor a rollout"
    ))
    .hint("fleet rollout list")
}
