//! `fleet status`.

use clap::Args;

use super::Context;
use super::error::{CliError, Exit};
use super::preview::preview;
use super::ui::Format;
use super::workspace::{self, Books};
use crate::plan::Narrow;
use crate::reporter::status::{self, EnvironmentStatus, STATUS_FORMAT, Status};

/// Show what hosts should run, what they run, and what is under way
///
/// Reads git only: what the hosts said last. Without ENV for all environments.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Only these environments
    #[arg(value_name = "ENV")]
    environments: Vec<String>,
}

pub(crate) async fn run(context: &Context, args: &StatusArgs) -> Result<Exit, CliError> {
    let books = Books::open(context).await?;
    let known = books.environments();
    let mut environments = Vec::new();
    let mut ledger_revision = None;
    for name in workspace::choose_environments(&known, &args.environments)? {
        let ledger = books.read(&name).await?;
        environments.push(match books.fleet.environments.get(&name) {
            Some(environment) => {
                let plan =
                    preview(context, &books.sources, &name, &ledger, &Narrow::default())?.plan;
                EnvironmentStatus::new(environment, &plan, &ledger)
            }
            None => EnvironmentStatus::invalid(name, &ledger),
        });
        ledger_revision = ledger.ledger_revision.or(ledger_revision);
    }
    let status = Status {
        format: STATUS_FORMAT,
        fleet: books.fleet.name.clone(),
        revision: books.revision(),
        ledger_revision,
        environments,
    };
    let ui = context.ui;
    ui.answer(&match ui.format {
        Format::Json => status::json(&status) + "\n",
        Format::Text | Format::Github | Format::Markdown => {
            status::text(&status, &books.desired, ui.out, context.now())
        }
    })?;
    Ok(Exit::Done)
}
