//! `fleet observe`.

use std::sync::Arc;

use clap::Args;

use super::Context;
use super::controller::Cockpit;
use super::error::{CliError, Exit};
use super::workspace::{self, Sources};
use crate::model::id::EnvironmentName;
use crate::reconcile::{self, Rebuilt};
use crate::reporter::text::plural;

/// Ask the hosts what they run
///
/// After the ledger's branch was lost, rewritten or edited by hand: takes the branch as it is, and
/// puts in what every host says of itself. Blocks come back from last outcomes; history does not.
#[derive(Debug, Args)]
pub(crate) struct ObserveArgs {
    /// Only these environments
    #[arg(value_name = "ENV")]
    environments: Vec<String>,
    /// Write the answers to the ledger
    #[arg(long, required = true)]
    rebuild: bool,
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
    let cockpit = Cockpit::open(context, &repository, &settings, fleet, false).await?;
    let mut exits = Vec::new();
    for name in &names {
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
