//! `fleet apply`.

pub(super) mod told;

use std::path::{Path, PathBuf};

use clap::Args;

use super::Context;
use super::controller::Cockpit;
use super::error::{CliError, Exit};
use super::preview::{NarrowArgs, Preview, preview};
use super::saved;
use super::syntax::Syntax;
use super::workspace::{self, Books};
use crate::model::id::EnvironmentName;
use crate::model::ledger::RolloutLedger;
use crate::model::plan::PlanDocument;
use crate::plan::Narrow;
use crate::reconcile::{self, ApplyOptions, ExitClass, Pass, ReconcileError};
use crate::rollout::Controller;
use told::{show, tell};

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
        due.push(Due::find(context, &books, name, &narrow).await?);
    }
    if let Some((file, saved)) = &saved {
        refuse_another_plan(file, saved, &books, &due)?;
    }
    refuse_broken_scripts(context, &books, &due)?;
    show(context, &books, &due, asks);
    if asks && due.iter().any(Due::acts) && !context.ui.ask(QUESTION)? {
        return Err(declined());
    }

    let cockpit = Cockpit::open(
        context,
        &books.repository,
        &books.settings,
        &books.fleet,
        args.no_wait,
    )
    .await?;
    let apply = Apply {
        context,
        args,
        keeps: saved.is_some(),
        narrow,
        cockpit,
    };
    for due in due {
        let exit = apply.pass(&books, due).await.unwrap_or_else(|error| {
            context.ui.tell(&error.text());
            error.exit()
        });
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

const QUESTION: &str = "Apply?";

fn declined() -> CliError {
    CliError::other(Exit::Error, "nothing was applied")
}

impl Due {
    async fn find(
        context: &Context,
        books: &Books,
        name: EnvironmentName,
        narrow: &Narrow,
    ) -> Result<Self, CliError> {
        let ledger = books.read(&name).await?;
        let preview = preview(context, &books.sources, &name, &ledger, narrow)?;
        let open = ledger.open;
        Ok(Self {
            name,
            preview,
            open,
        })
    }

    /// Whether a pass would do anything at hosts, as far as can be seen.
    fn acts(&self) -> bool {
        self.open.is_some() || !self.preview.plan.changes.is_empty()
    }
}

/// What holds for every environment of the command.
struct Apply<'a> {
    context: &'a Context,
    args: &'a ApplyArgs,
    /// A plan in a file was looked at: no other one will do.
    keeps: bool,
    narrow: Narrow,
    cockpit: Cockpit,
}

impl Apply<'_> {
    /// One environment, and what came of it. On a terminal nothing begins that was not shown: where
    /// the plan is another one by now, it is asked again.
    async fn pass(&self, books: &Books, due: Due) -> Result<Exit, CliError> {
        let asks = !self.args.yes;
        let mut newer = None;
        let mut due = due;
        loop {
            let books = newer.as_ref().unwrap_or(books);
            let options = ApplyOptions {
                narrow: self.narrow.clone(),
                // What is open was agreed to when it began.
                expect: (asks || self.keeps && due.open.is_none())
                    .then(|| due.preview.plan.plan_id.clone()),
                take_over: self.args.take_over,
                no_wait: self.args.no_wait,
            };
            let work = async |controller: &Controller<'_>| {
                Ok(reconcile::apply(controller, &due.name, &options).await)
            };
            let made = self
                .cockpit
                .with(self.context, &books.fleet, &due.name, work)
                .await?;
            match made {
                Ok(pass) => {
                    let exit = exit(&pass, self.args.held_ok);
                    let told = tell(self.context, books, &due.name, &pass).await;
                    // That nobody reads it is worth a word only where there is nothing else to say.
                    return if exit == Exit::Done {
                        told.map(|()| exit)
                    } else {
                        Ok(exit)
                    };
                }
                Err(ReconcileError::PlanChanged { .. }) if asks && !self.keeps => {}
                Err(error) => return Err(error.into()),
            }
            let books = &*newer.insert(Books::open(self.context).await?);
            due = Due::find(self.context, books, due.name, &self.narrow).await?;
            self.context
                .ui
                .tell(&format!("{}  the plan changed meanwhile\n", due.name));
            let shown = std::slice::from_ref(&due);
            refuse_broken_scripts(self.context, books, shown)?;
            show(self.context, books, shown, asks);
            if !self.cockpit.ask(QUESTION).await? {
                return Err(declined());
            }
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
            if let Some((host, assignment)) = environment.assignment(&change.host, &change.service)
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

fn exit(pass: &Pass, held_ok: bool) -> Exit {
    match pass.class() {
        ExitClass::Done => Exit::Done,
        ExitClass::Failed => Exit::Failed,
        ExitClass::Held if held_ok => Exit::Done,
        ExitClass::Held => Exit::Held,
        ExitClass::Stopped => Exit::Interrupted,
    }
}
