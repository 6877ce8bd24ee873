//! `fleet rollout list`.

use clap::Args;

use crate::cli::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::ui::Format;
use crate::cli::workspace::{self, Books};
use crate::ledger::Ledger as _;
use crate::reporter::rollout;

/// List rollouts, newest first
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only of these environments
    #[arg(value_name = "ENV")]
    environments: Vec<String>,
}

pub(super) async fn run(context: &Context, args: &ListArgs) -> Result<Exit, CliError> {
    let books = Books::open(context).await?;
    let known = books.environments();
    let mut records = Vec::new();
    for name in workspace::choose_environments(&known, &args.environments)? {
        records.extend(books.ledger.rollouts(&name).await?);
    }
    records.sort_by(|a, b| b.id.cmp(&a.id));
    let ui = context.ui;
    ui.answer(&match ui.format {
        Format::Json => rollout::list_json(&records) + "\n",
        Format::Text | Format::Github | Format::Markdown => {
            rollout::list_text(&records, ui.out, context.now())
        }
    })?;
    Ok(Exit::Done)
}
