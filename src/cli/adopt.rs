//! `fleet adopt`.

use std::sync::Arc;

use clap::Args;

use super::Context;
use super::controller::Cockpit;
use super::error::{CliError, Exit};
use super::preview::NarrowArgs;
use super::ui::Format;
use super::workspace::{self, Sources};
use crate::model::id::EnvironmentName;
use crate::reconcile;
use crate::reporter::adoption;
use crate::reporter::text::plural;

const QUESTION: &str = "Take these over?";

/// Take over what already runs on the hosts
///
/// Runs the observe phase of every service that is desired and not recorded yet, and shows what
/// runs beside what is desired. What is taken over is recorded as adopted, and nothing changes on
/// the hosts: from then on it is changed as any other service, where something else is desired.
#[derive(Debug, Args)]
pub(crate) struct AdoptArgs {
    /// Which environment
    #[arg(value_name = "ENV")]
    environment: String,
    #[command(flatten)]
    narrow: NarrowArgs,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(context: &Context, args: &AdoptArgs) -> Result<Exit, CliError> {
    let repository = Arc::new(workspace::open(context)?);
    let settings = workspace::git_settings(context, &repository)?;
    let desired = repository.desired(&settings)?;
    let sources = Sources::read(repository.tree_at(&desired.revision)?);
    let environment = sources.environment(context, &args.environment)?;
    args.narrow.check(std::iter::once(environment))?;
    let narrow = args.narrow.narrow()?;
    let fleet = sources.fleet(context)?;
    let name: &EnvironmentName = &environment.name;
    // Its answer is one document: what is told meanwhile is no part of it.
    let mut told = context.clone();
    told.ui.format = Format::Text;
    let cockpit = Cockpit::open(&told, &repository, &settings, fleet, false).await?;
    cockpit
        .with(context, fleet, name, async |controller| {
            let mut found = reconcile::look(controller, name, &narrow).await?;
            let is_json = context.ui.format == Format::Json;
            if !is_json {
                context.ui.answer(&adoption::text(&found, context.ui.out))?;
            }
            let mut exit = Exit::Done;
            if found.busy.is_some() || !found.silent.is_empty() {
                exit = Exit::Held;
            }
            if !found.found.is_empty() {
                let agreed = match (args.yes, context.ui.can_ask) {
                    (true, _) => true,
                    (false, true) => cockpit.ask(QUESTION).await?,
                    (false, false) => {
                        return Err(CliError::usage(
                            "adopt asks before it records anything, and nobody can answer here",
                        )
                        .hint(format!("fleet adopt {name} --yes")));
                    }
                };
                if !agreed {
                    return Err(CliError::other(Exit::Error, "nothing was recorded"));
                }
                let seen = found.found.len();
                found.found = reconcile::adopt(controller, name, &found.found).await?;
                found.adopted = true;
                if found.found.len() < seen {
                    exit = Exit::Held;
                }
                if !is_json {
                    let adopted = plural(found.found.len(), "service");
                    context.ui.answer(&format!("{name}: adopted {adopted}\n"))?;
                }
            }
            if is_json {
                context.ui.answer(&(adoption::json(&found) + "\n"))?;
            }
            Ok(exit)
        })
        .await
}
