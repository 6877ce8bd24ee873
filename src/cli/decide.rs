//! `fleet continue`, `retry` and `abort`: a person's word, written to the statements' branch. The
//! controller acts on it.

use clap::Args;

use super::Context;
use super::error::{CliError, Exit};
use super::workspace::{self, Books};
use crate::ledger::Ledger as _;
use crate::model::id::EnvironmentName;
use crate::model::ledger::RolloutRecord;
use crate::model::statement::{Statement, Verb};

/// Let a rollout go on that waits for a person
///
/// For a paused rollout: hosts that failed no longer count, and what waits behind a canary may start.
/// The next `fleet apply`, or the one that is running, acts on it.
#[derive(Debug, Args)]
pub(crate) struct ContinueArgs {
    #[command(flatten)]
    target: Target,
}

/// Lift blocks and try again
///
/// Of an environment: every block, and every time before which a refused host is left alone. Of a
/// rollout: those it made. A paused rollout ends as failed, and the next `fleet apply` plans anew.
#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    #[command(flatten)]
    target: Target,
}

/// End a rollout where it stands
///
/// Starts no new wave; hosts keep what they have, and what was not done is blocked until another
/// version, another definition or `fleet retry`.
#[derive(Debug, Args)]
pub(crate) struct AbortArgs {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
struct Target {
    /// An environment, or a rollout
    #[arg(value_name = "ENV|ID")]
    target: String,
}

impl ContinueArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        state(context, Verb::Continue, &self.target.target).await
    }
}

impl RetryArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        state(context, Verb::Retry, &self.target.target).await
    }
}

impl AbortArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        state(context, Verb::Abort, &self.target.target).await
    }
}

async fn state(context: &Context, verb: Verb, target: &str) -> Result<Exit, CliError> {
    let books = Books::open(context).await?;
    let (environment, named, open) = resolve(&books, target).await?;
    if let (Verb::Continue | Verb::Abort, None) = (verb, &open) {
        return Err(CliError::other(
            Exit::Error,
            format!("environment {environment} has no open rollout"),
        )
        .hint(format!("fleet rollout list {environment}")));
    }
    let by = books.repository.user_name()?;
    let statement = Statement {
        fleet: books.fleet.name.clone(),
        environment: environment.clone(),
        verb,
        plan: None,
        // A word on an environment that has an open rollout is meant for that one; only `retry`
        // of an environment lifts everything.
        rollout: match verb {
            Verb::Retry => named,
            Verb::Continue | Verb::Abort => open.map(|record| record.id),
        },
        by,
        at: context.now(),
    };
    let file = books.ledger.state(&statement).await?;
    let about = match &statement.rollout {
        Some(id) => format!("rollout {id}"),
        None => format!("environment {environment}"),
    };
    context.ui.answer(&format!(
        "{} of {about}, by {}: {}\n",
        verb.as_str(),
        statement.by,
        file.path
    ))?;
    context.ui.hint(&format!(
        "an apply that is running acts on it; else: fleet apply {environment}"
    ));
    Ok(Exit::Done)
}

/// The environment that a target means, the rollout it names, and the rollout that is open there.
async fn resolve(
    books: &Books,
    target: &str,
) -> Result<
    (
        EnvironmentName,
        Option<crate::model::id::RolloutId>,
        Option<RolloutRecord>,
    ),
    CliError,
> {
    let names = books.environments();
    for name in &names {
        let open = books
            .ledger
            .read(name)
            .await?
            .open
            .map(|rollout| rollout.record);
        if name.as_str() == target {
            return Ok((name.clone(), None, open));
        }
        let records = books.ledger.rollouts(name).await?;
        if let Some(record) = records
            .into_iter()
            .find(|record| record.id.as_str() == target)
        {
            let open = open.filter(|open| open.id == record.id);
            return Ok((name.clone(), Some(record.id), open));
        }
    }
    Err(workspace::no_such(
        "environment or rollout",
        target,
        names.iter().map(EnvironmentName::as_str),
    ))
}
