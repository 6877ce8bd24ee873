//! `fleet apply`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Context;
use super::controller::Cockpit;
use super::error::{CliError, Exit};
use super::preview::{NarrowArgs, Preview, preview};
use super::saved;
use super::syntax::Syntax;
use super::ui::Format;
use super::workspace::{self, Books};
use crate::ledger::Ledger as _;
use crate::model::id::EnvironmentName;
use crate::model::ledger::{RolloutLedger, RolloutRecord, RolloutState};
use crate::model::plan::{HeldReason, PlanDocument};
use crate::reconcile::{self, ApplyOptions, ExitClass, Pass, PassOutcome};
use crate::reporter;
use crate::reporter::event::words;
use crate::reporter::plan::Options;
use crate::reporter::text::plural;

/// Make the hosts run what git says
///
/// Finishes what is open, else plans and rolls out, wave by wave, and commits what came of it. On a
/// terminal it shows the plan and asks. A killed apply loses nothing: the next one goes on.
///
/// Exits 4 where a rollout failed, rolled back or paused, 5 where something must be waited for.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// Only these environments
    #[arg(value_name = "ENV")]
    environments: Vec<String>,
    #[command(flatten)]
    narrow: NarrowArgs,
    /// Apply this plan of `fleet plan --out` and no other: refused where anything in it changed
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Exit 5 instead of waiting for another controller
    #[arg(long)]
    no_wait: bool,
    /// Exit 0 where something is held but nothing failed
    #[arg(long)]
    held_ok: bool,
    /// Finish another controller's wave without waiting until it has been silent for 12 minutes
    #[arg(long)]
    take_over: bool,
}

/// An environment that a pass is due for.
struct Due {
    name: EnvironmentName,
    preview: Preview,
    open: Option<RolloutLedger>,
}

pub(crate) async fn run(context: &Context, args: &ApplyArgs) -> Result<Exit, CliError> {
    let asks = !args.yes;
    if asks && !context.ui.can_ask {
        return Err(CliError::usage(
            "apply asks before it changes anything, and nobody can answer here",
        )
        .hint("look at the plan first, then: fleet apply --yes"));
    }
    let books = Books::open(context).await?;
    let saved = match &args.plan {
        Some(file) => Some((file.as_path(), saved::read(file, &books)?)),
        None => None,
    };
    let asked = asked(args, saved.as_ref())?;
    let (names, mut exits) = books.choose(context, &asked)?;
    args.narrow.check(
        names
            .iter()
            .filter_map(|name| books.fleet.environments.get(name)),
    )?;
    let narrow = args.narrow.narrow()?;
    let mut due = Vec::new();
    for name in names {
        let ledger = books.ledger.read(&name).await?;
        let preview = preview(context, &books.sources, &name, &ledger, &narrow)?;
        due.push(Due {
            name,
            preview,
            open: ledger.open,
        });
    }
    if let Some((file, saved)) = &saved {
        refuse_another_plan(file, saved, &books, &due)?;
    }
    refuse_broken_scripts(context, &books, &due)?;
    show(context, &books, &due);
    let changes = due.iter().any(|due| !due.preview.plan.changes.is_empty());
    if asks && changes && !context.ui.ask("Apply?")? {
        return Err(CliError::other(Exit::Error, "nothing was applied"));
    }

    let cockpit = Cockpit::open(
        context,
        &books.repository,
        &books.settings,
        &books.fleet,
        args.no_wait,
    )
    .await?;
    for due in &due {
        let options = ApplyOptions {
            narrow: narrow.clone(),
            // What was asked about is what runs; what is open was agreed to when it began.
            expect: ((saved.is_some() || asks && changes) && due.open.is_none())
                .then(|| due.preview.plan.plan_id.clone()),
            take_over: args.take_over,
            no_wait: args.no_wait,
        };
        let pass = cockpit
            .with(context, &books.fleet, &due.name, async |controller| {
                Ok(reconcile::apply(controller, &due.name, &options).await?)
            })
            .await;
        let exit = match pass {
            Ok(pass) => {
                tell(context, &books, &due.name, &pass).await?;
                exit(&pass, args.held_ok)
            }
            Err(error) => {
                context.ui.tell(&error.text());
                error.exit()
            }
        };
        exits.push(exit);
        if exit == Exit::Interrupted {
            break;
        }
    }
    Ok(Exit::worst(exits))
}

/// The environments of the arguments, else those of the plan.
fn asked(args: &ApplyArgs, saved: Option<&(&Path, PlanDocument)>) -> Result<Vec<String>, CliError> {
    let Some((file, plan)) = saved else {
        return Ok(args.environments.clone());
    };
    let planned: Vec<String> = plan
        .environments
        .iter()
        .map(|plan| plan.name.to_string())
        .collect();
    if let Some(other) = args
        .environments
        .iter()
        .find(|name| !planned.contains(name))
    {
        return Err(CliError::usage(format!(
            "the plan {} has no environment {other:?}",
            file.display()
        ))
        .hint(format!("it is of {}", planned.join(", "))));
    }
    Ok(if args.environments.is_empty() {
        planned
    } else {
        args.environments.clone()
    })
}

/// An open rollout comes first, so it must be the very plan; else what would be planned must.
fn refuse_another_plan(
    file: &Path,
    saved: &PlanDocument,
    books: &Books,
    due: &[Due],
) -> Result<(), CliError> {
    for Due { name, open, .. } in due {
        let planned = saved.environments.iter().find(|plan| plan.name == *name);
        if let (Some(open), Some(planned)) = (open, planned)
            && open.record.plan_id != planned.plan_id
        {
            return Err(CliError::other(
                Exit::Error,
                format!(
                    "rollout {} of environment {name} is open and comes before the plan {}",
                    open.record.id,
                    file.display()
                ),
            )
            .hint(format!("finish it: fleet apply {name}; then plan again")));
        }
    }
    let now = due
        .iter()
        .filter(|due| due.open.is_none())
        .map(|due| &due.preview.plan);
    saved::check(file, saved, books.revision().as_ref(), now)
}

/// Plans with something in them, on stderr: stdout carries what came of them.
fn show(context: &Context, books: &Books, due: &[Due]) {
    let ui = context.ui;
    if ui.format == Format::Json {
        return;
    }
    let options = Options {
        all: false,
        palette: ui.err,
        width: ui.width,
        now: context.now(),
    };
    for Due {
        name,
        preview,
        open,
    } in due
    {
        if let Some(open) = open {
            ui.tell(&format!(
                "{name}  rollout {} is {} and comes first\n",
                open.record.id,
                words(open.record.state.as_str())
            ));
        } else if !preview.plan.changes.is_empty() || !preview.plan.held.is_empty() {
            let text =
                reporter::plan::text(&preview.plan, &preview.policy, &books.desired, options);
            ui.tell(&(text + "\n"));
        }
    }
}

/// Syntax errors are found before any host sees the scripts.
fn refuse_broken_scripts(context: &Context, books: &Books, due: &[Due]) -> Result<(), CliError> {
    let mut syntax = Syntax::default();
    for Due { name, preview, .. } in due {
        let Some(environment) = books.fleet.environments.get(name) else {
            continue;
        };
        for change in &preview.plan.changes {
            let host = environment.hosts.get(&change.host);
            if let Some((host, assignment)) =
                host.and_then(|host| Some((host, host.services.get(&change.service)?)))
            {
                let (tree, templates) = (&books.sources.tree, &books.sources.templates);
                syntax.service(
                    tree,
                    templates,
                    environment,
                    host,
                    &change.service,
                    assignment,
                );
            }
        }
    }
    if workspace::has_errors(&syntax.diagnostics) {
        return Err(workspace::refuse(
            context,
            &syntax.diagnostics,
            &books.sources.tree,
        ));
    }
    Ok(())
}

/// What came of a pass, on stdout.
async fn tell(
    context: &Context,
    books: &Books,
    name: &EnvironmentName,
    pass: &Pass,
) -> Result<(), CliError> {
    let ui = context.ui;
    let rollout = match &pass.outcome {
        PassOutcome::Ended(record) | PassOutcome::Paused(record) => Some(record),
        PassOutcome::Held { rollout, .. } => rollout.as_ref(),
        PassOutcome::Unchanged | PassOutcome::AllOffline | PassOutcome::Stopped => None,
    };
    if ui.format == Format::Json {
        if let Some(record) = rollout {
            let waves = books
                .ledger
                .rollout(name, &record.id)
                .await?
                .map(|rollout| rollout.waves)
                .unwrap_or_default();
            ui.answer(&(reporter::rollout::json(record, &waves) + "\n"))?;
        }
        return Ok(());
    }
    ui.answer(&format!("{name}: {}\n", summary(pass)))?;
    if let PassOutcome::Paused(record) = &pass.outcome {
        ui.hint(&format!("fleet rollout logs {}", record.id));
        ui.hint(&format!(
            "then: fleet continue {name}, fleet retry {name} or fleet abort {name}"
        ));
    } else if let (ExitClass::Failed, Some(record)) = (pass.class(), rollout) {
        ui.hint(&format!("fleet rollout logs {}", record.id));
    }
    Ok(())
}

fn summary(pass: &Pass) -> String {
    let of = |record: &RolloutRecord| {
        let state = words(record.state.as_str());
        let hosts = format!("{} of {}", record.completed, plural(record.total, "host"));
        match record.state {
            RolloutState::Succeeded => format!("{state} on {hosts}"),
            _ => format!("{state}: {}; {hosts} changed", record.reason),
        }
    };
    match &pass.outcome {
        PassOutcome::Unchanged => match pass.plan.as_ref().map_or(0, |plan| plan.held.len()) {
            0 => "no changes".to_owned(),
            held => format!("no changes, {held} held{}", why_held(pass)),
        },
        PassOutcome::Ended(record) | PassOutcome::Paused(record) => of(record),
        PassOutcome::Held { reason, .. } => format!("held: {reason}"),
        PassOutcome::AllOffline => {
            "every host that would change is offline; they are caught up later".to_owned()
        }
        PassOutcome::Stopped => "left; the next apply goes on".to_owned(),
    }
}

/// Blocks need a person, and a person needs to know.
fn why_held(pass: &Pass) -> String {
    let blocked = pass
        .plan
        .iter()
        .flat_map(|plan| &plan.held)
        .find(|held| held.reason == HeldReason::Blocked);
    match blocked {
        Some(held) => format!(" (blocked: {})", held.message),
        None => String::new(),
    }
}

fn exit(pass: &Pass, held_ok: bool) -> Exit {
    match pass.class() {
        ExitClass::Done => Exit::Done,
        ExitClass::Failed => Exit::Failed,
        ExitClass::Held if held_ok => Exit::Done,
        ExitClass::Held => Exit::Held,
        ExitClass::Stopped => Exit::Interrupted,
    }
}
