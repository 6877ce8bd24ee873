//! `fleet validate`.

use clap::Args;

use super::error::{CliError, Exit};
use super::syntax;
use super::workspace::{self, Sources};
use super::{Context, Format};
use crate::manifest;
use crate::render;
use crate::reporter::diagnostics;
use crate::reporter::text::plural;

/// Check manifests and templates
///
/// Reports every problem of every file in one go. Reads the work tree, unless --revision is given.
/// Exits 3 if anything is wrong.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Check a commit instead of the work tree
    #[arg(long, value_name = "REV")]
    revision: Option<String>,
    /// Take warnings for errors
    #[arg(long)]
    strict: bool,
    /// Say what a diagnostic's code means
    #[arg(long, value_name = "CODE", conflicts_with_all = ["revision", "strict"])]
    explain: Option<String>,
}

pub(crate) fn run(context: &Context, args: &ValidateArgs) -> Result<Exit, CliError> {
    if let Some(code) = &args.explain {
        return explain(context, code);
    }
    let repository = workspace::open(context)?;
    let tree = match &args.revision {
        Some(name) => repository.tree_at(&repository.resolve(name)?)?,
        None => repository.tree_of_work_dir()?,
    };
    let mut sources = Sources::read(tree);
    let syntax = sources.check_syntax();
    let found = &sources.diagnostics;
    let ui = context.ui;
    if ui.format == Format::Json {
        ui.answer(&(diagnostics::json(found, &sources.tree, syntax) + "\n"))?;
    } else {
        let text = diagnostics::text(found, &sources.tree, ui.out, ui.width);
        ui.answer(&(text + &summary(&sources) + "\n"))?;
    }
    let wrong = workspace::has_errors(found) || (args.strict && !found.is_empty());
    Ok(if wrong { Exit::Invalid } else { Exit::Done })
}

fn summary(sources: &Sources) -> String {
    let count = diagnostics::count(&sources.diagnostics);
    match &sources.fleet {
        Some(fleet) if sources.invalid.is_empty() => {
            let hosts = fleet
                .environments
                .values()
                .map(|environment| environment.hosts.len())
                .sum();
            format!(
                "{}: {count} in {}, {}",
                fleet.name,
                plural(fleet.environments.len(), "environment"),
                plural(hosts, "host")
            )
        }
        _ => count,
    }
}

fn explain(context: &Context, code: &str) -> Result<Exit, CliError> {
    let code = code.to_ascii_uppercase();
    let meaning = manifest::explain(&code)
        .or_else(|| render::explain(&code))
        .or_else(|| syntax::explain(&code));
    match meaning {
        Some(meaning) => {
            context.ui.answer(&format!("{code}  {meaning}\n"))?;
            Ok(Exit::Done)
        }
        None => Err(CliError::usage(format!("there is no diagnostic {code}"))),
    }
}
