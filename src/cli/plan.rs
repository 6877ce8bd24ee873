//! `fleet plan`.

use std::fs;
use std::path::PathBuf;

use clap::Args;

use super::Context;
use super::diff;
use super::error::{CliError, Exit};
use super::live;
use super::preview::{NarrowArgs, Preview, preview};
use super::ui::Format;
use super::workspace::{self, Books};
use crate::reporter::diff::Difference;
use crate::reporter::plan::{self, Head, Options, Reach, Shown};

/// Show what would change, and why the rest does not
///
/// A dry run: reads git, sends nothing. Without ENV for all environments. Exits 0 with and without
/// changes. `--format markdown` is for a comment on a pull request. `--diff` compares the scripts
/// and files that a change would bring with those that its host was sent last, rendered again from
/// the commit that is recorded for it. `--live` asks AWS which hosts can be reached now: that is
/// no part of the plan, and recorded nowhere.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Only these environments
    #[arg(value_name = "ENV")]
    environments: Vec<String>,
    #[command(flatten)]
    narrow: NarrowArgs,
    /// Also show what changes in scripts and files, as unified diffs
    #[arg(long)]
    diff: bool,
    /// Also ask AWS which hosts can be reached; describes them and nothing else
    #[arg(long)]
    live: bool,
    /// Leave nothing out: show what stays as it is, too, and diffs of any number and length
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
    let mut diffs = Vec::new();
    let mut lives = Vec::new();
    let mut ledger_revision = None;
    for name in &names {
        let ledger = books.read(name).await?;
        let preview = preview(context, &books.sources, name, &ledger, &narrow)?;
        if args.diff {
            diffs.push(diff::differences(&books, &ledger, &preview.plan)?);
        }
        if args.live {
            let environment = books.sources.environment(context, name.as_str())?;
            let hosts = environment.hosts.values();
            let hosts = hosts
                .filter(|host| narrow.covers(environment, host))
                .collect();
            lives.push(live::reach(context, &books, environment, hosts).await?);
        }
        previews.push(preview);
        ledger_revision = ledger.ledger_revision.or(ledger_revision);
    }
    let shown = shown(&previews, &diffs, &lives);
    let revision = books.revision();
    let head = Head {
        fleet: &books.fleet.name,
        revision: revision.as_ref(),
        ledger_revision: ledger_revision.as_ref(),
        preview_of: match (&args.revision, args.worktree) {
            (Some(_), _) => Some("revision"),
            (None, true) => Some("worktree"),
            (None, false) => None,
        },
    };
    if let Some(file) = &args.out {
        fs::write(file, plan::json(&head, &shown, args.all) + "\n")
            .map_err(|error| workspace::not_written(file, error))?;
    }
    let ui = context.ui;
    ui.answer(&match ui.format {
        Format::Json => plan::json(&head, &shown, args.all) + "\n",
        Format::Markdown => plan::markdown(&shown, &books.desired, args.all),
        Format::Text | Format::Github => text(context, &books, &shown, args.all),
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

/// Plans with what was asked for beside them; lists that were not asked for are empty.
fn shown<'a>(
    previews: &'a [Preview],
    diffs: &'a [Vec<Difference>],
    lives: &'a [Reach],
) -> Vec<Shown<'a>> {
    previews
        .iter()
        .enumerate()
        .map(|(index, preview)| Shown {
            diffs: diffs.get(index).map(Vec::as_slice),
            live: lives.get(index),
            ..Shown::new(&preview.plan, &preview.policy)
        })
        .collect()
}

fn text(context: &Context, books: &Books, shown: &[Shown<'_>], all: bool) -> String {
    let ui = context.ui;
    let options = Options {
        all,
        palette: ui.out,
        width: ui.width,
        now: context.now(),
    };
    shown
        .iter()
        .map(|shown| plan::text(shown, &books.desired, options) + "\n")
        .chain(["Nothing was sent.\n".to_owned()])
        .collect()
}
