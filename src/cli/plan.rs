//! `fleet plan`.

use std::fs;
use std::path::PathBuf;

use clap::Args;

use super::Context;
use super::error::{CliError, Exit};
use super::preview::{NarrowArgs, Preview, preview};
use super::ui::Format;
use super::workspace::{self, Books};
use crate::model::plan::{PLAN_FORMAT, PlanDocument};
use crate::reporter::plan::{self, Options};

/// Show what would change, and why the rest does not
///
/// A dry run: reads git, sends nothing. Without ENV for all environments. Exits 0 with and without
/// changes. `--format markdown` is for a comment on a pull request.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Only these environments
    #[arg(value_name = "ENV")]
    environments: Vec<String>,
    #[command(flatten)]
    narrow: NarrowArgs,
    /// Also show what stays as it is
    #[arg(long)]
    all: bool,
    /// Also write the plan to FILE, as JSON, for `fleet apply --plan`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Plan another commit than the desired one; such a plan cannot be applied
    #[arg(long, value_name = "REV", conflicts_with = "worktree")]
    revision: Option<String>,
    /// Plan the files of the work tree; such a plan cannot be applied
    #[arg(long)]
    worktree: bool,
    /// Exit 2 where there are changes
    #[arg(long)]
    detailed_exitcode: bool,
}

pub(crate) async fn run(context: &Context, args: &PlanArgs) -> Result<Exit, CliError> {
    let books = match (&args.revision, args.worktree) {
        (Some(revision), _) => Books::at(context, revision).await?,
        (None, true) => Books::of_work_tree(context).await?,
        (None, false) => Books::open(context).await?,
    };
    let (names, mut exits) = books.choose(context, &args.environments)?;
    args.narrow.check(
        names
            .iter()
            .filter_map(|name| books.fleet.environments.get(name)),
    )?;
    let narrow = args.narrow.narrow()?;

    let mut previews = Vec::new();
    let mut ledger_revision = None;
    for name in &names {
        let ledger = books.read(name).await?;
        previews.push(preview(context, &books.sources, name, &ledger, &narrow)?);
        ledger_revision = ledger.ledger_revision.or(ledger_revision);
    }
    let document = PlanDocument {
        format: PLAN_FORMAT.to_owned(),
        fleet: books.fleet.name.clone(),
        revision: books.revision(),
        ledger_revision,
        preview_of: match (&args.revision, args.worktree) {
            (Some(_), _) => Some("revision".to_owned()),
            (None, true) => Some("worktree".to_owned()),
            (None, false) => None,
        },
        environments: previews
            .iter()
            .map(|preview| preview.plan.clone())
            .collect(),
    };
    if let Some(file) = &args.out {
        fs::write(file, plan::json(&document, args.all) + "\n")
            .map_err(|error| workspace::not_written(file, error))?;
    }
    let ui = context.ui;
    ui.answer(&match ui.format {
        Format::Json => plan::json(&document, args.all) + "\n",
        Format::Markdown => {
            let plans: Vec<_> = previews
                .iter()
                .map(|preview| (&preview.plan, &preview.policy))
                .collect();
            plan::markdown(&plans, &books.desired, args.all)
        }
        Format::Text | Format::Github => text(context, &books, &previews, args.all),
    })?;
    if args.detailed_exitcode
        && previews
            .iter()
            .any(|preview| !preview.plan.changes.is_empty())
    {
        exits.push(Exit::Changes);
    }
    Ok(Exit::worst(exits))
}

fn text(context: &Context, books: &Books, previews: &[Preview], all: bool) -> String {
    let ui = context.ui;
    let options = Options {
        all,
        palette: ui.out,
        width: ui.width,
        now: context.now(),
    };
    previews
        .iter()
        .map(|preview| plan::text(&preview.plan, &preview.policy, &books.desired, options) + "\n")
        .chain(["Nothing was sent.\n".to_owned()])
        .collect()
}
