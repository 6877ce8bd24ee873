//! `fleet observe`.

use std::sync::Arc;

use clap::Args;

use super::Context;
use super::controller::Cockpit;
use super::error::{CliError, Exit};
use super::ui::Format;
use super::workspace::{self, Sources};
use crate::model::desired::Fleet;
use crate::model::id::EnvironmentName;
use crate::reconcile::{self, Rebuilt};
use crate::reporter;
use crate::reporter::text::plural;

/// Look at what the hosts run
///
/// Runs the observe phase of every service that fleet has brought, in the revision that is recorded
/// for its host. What differs from what the last step left is recorded as drift; on the hosts
/// nothing changes.
#[derive(Debug, Args)]
pub(crate) struct ObserveArgs {
    /// Only these environments
    #[arg(value_name = "ENV")]
    environments: Vec<String>,
    /// Put a lost, rewritten or hand-edited ledger together again from what every host says
    ///
    /// Takes the branch as it is. Blocks come back from last outcomes; history does not.
    #[arg(long)]
    rebuild: bool,
}

impl ObserveArgs {
    pub(crate) const fn has_json(&self) -> bool {
        !self.rebuild
    }
}

pub(crate) async fn run(context: &Context, args: &ObserveArgs) -> Result<Exit, CliError> {
    // Not `Books`: its first look at the ledger is what fails here.
    let repository = Arc::new(workspace::open(context)?);
    let settings = workspace::git_settings(context, &repository)?;
    let desired = repository.desired(&settings)?;
    let sources = Sources::read(repository.tree_at(&desired.revision)?);
    let fleet = sources.fleet(context)?;
    let known = sources.names().into_iter().cloned().collect();
    let names = workspace::choose_environments(&known, &args.environments)?;
    if names.iter().any(|name| sources.invalid.contains(name)) {
        return Err(sources.refuse(context));
    }
    // Its answer is one document: what is told meanwhile is no part of it.
    let mut told = context.clone();
    told.ui.format = Format::Text;
    let cockpit = Cockpit::open(&told, &repository, &settings, fleet, false).await?;
    let mut exits = Vec::new();
    for name in &names {
        if !args.rebuild {
            exits.push(look(context, &cockpit, fleet, name).await?);
            continue;
        }
        let rebuilt = cockpit
            .with(context, fleet, name, async |controller| {
                Ok(reconcile::rebuild(controller, name).await?)
            })
            .await?;
        context.ui.answer(&text(name, &rebuilt))?;
        exits.push(if rebuilt.silent.is_empty() {
            Exit::Done
        } else {
            Exit::Held
        });
    }
    Ok(Exit::worst(exits))
}

async fn look(
    context: &Context,
    cockpit: &Cockpit,
    fleet: &Fleet,
    name: &EnvironmentName,
) -> Result<Exit, CliError> {
    let observed = cockpit
        .with(context, fleet, name, async |controller| {
            Ok(reconcile::observe(controller, name).await?)
        })
        .await?;
    let answer = match context.ui.format {
        Format::Json => reporter::observed::json(&observed) + "\n",
        _ => reporter::observed::text(&observed),
    };
    context.ui.answer(&answer)?;
    Ok(if observed.busy.is_some() || !observed.silent.is_empty() {
        Exit::Held
    } else {
        Exit::Done
    })
}

fn text(name: &EnvironmentName, rebuilt: &Rebuilt) -> String {
    let mut text = format!("{name}: {} answered", plural(rebuilt.told.len(), "host"));
    if rebuilt.blocks > 0 {
        text += &format!(", {} came back", plural(rebuilt.blocks, "block"));
    }
    text += if rebuilt.changed {
        "; recorded\n"
    } else {
        "; the ledger had it all\n"
    };
    for path in &rebuilt.removed {
        text += &format!("  {path}  could not be read\n");
    }
    for (host, why) in &rebuilt.silent {
        text += &format!("  {host}  no answer: {why}\n");
    }
    text
}
