//! `fleet rollout show`.

use clap::Args;

use crate::cli::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::ui::Format;
use crate::cli::workspace::Books;
use crate::reporter::rollout;

/// Show one rollout, step by step
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// A rollout, or an environment for its newest one
    #[arg(value_name = "ENV|ID")]
    target: String,
    /// Only steps on this host; can be repeated
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Only steps of this service; can be repeated
    #[arg(long, value_name = "NAME")]
    service: Vec<String>,
}

pub(super) async fn run(context: &Context, args: &ShowArgs) -> Result<Exit, CliError> {
    let books = Books::open(context).await?;
    let found = super::find(&books, &args.target).await?;
    let ui = context.ui;
    ui.answer(&match ui.format {
        Format::Json => rollout::json(&found.record, &found.waves) + "\n",
        Format::Text | Format::Github | Format::Markdown => rollout::text(
            &found,
            |step| {
                super::wanted(&args.host, step.host.as_str())
                    && super::wanted(&args.service, step.service.as_str())
            },
            ui.out,
            context.now(),
        ),
    })?;
    Ok(Exit::Done)
}
