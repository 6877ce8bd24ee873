//! `fleet validate`.

use clap::Args;

use super::error::{CliError, Exit};
use super::pages;
use super::workspace::{self, Sources};
use super::{Context, Format};
use crate::reporter::diagnostics;
use crate::reporter::text::plural;

/// Check manifests and templates
///
/// Reports every problem of every file in one go. Reads the work tree, unless --revision is given.
/// Exits 3 if anything is wrong. With --format github each problem is an annotation of the pull
/// request that a workflow of GitHub checks.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Check a commit instead of the work tree
    #[arg(long, value_name = "REV")]
    revision: Option<String>,
    /// Take warnings for errors
    #[arg(long)]
    strict: bool,
    /// Print the page of a diagnostic's code: what it means, why, how to mend it
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
    let checked_by = sources.check_syntax();
    let found = &sources.diagnostics;
    let ui = context.ui;
    let answer = match ui.format {
        Format::Json => diagnostics::json(found, &sources.tree, &checked_by) + "\n",
        Format::Github => diagnostics::github(found, &sources.tree),
        Format::Text | Format::Markdown => {
            let text = diagnostics::text(found, &sources.tree, ui.out, ui.width);
            text + &summary(&sources) + "\n"
        }
    };
    ui.answer(&answer)?;
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
    if context.ui.format != Format::Text {
        return Err(CliError::usage("--explain prints text only"));
    }
    let code = code.to_ascii_uppercase();
    if let Some(page) = pages::text(&code) {
        context.ui.answer(&page)?;
        return Ok(Exit::Done);
    }
    // Two codes are as near as their numbers are.
    let number = |code: &str| code.get(1..).and_then(|digits| digits.parse::<u32>().ok());
    let distance = |known: &str| {
        let numbers = number(&code).zip(number(known));
        let apart = numbers.map_or(u32::MAX, |(a, b)| a.abs_diff(b));
        (strsim::osa_distance(&code, known), apart)
    };
    let nearest = pages::all().map(|(known, ..)| known);
    let nearest = nearest.min_by_key(|known| distance(known));
    let error = CliError::usage(format!("there is no diagnostic {}", code.escape_debug()));
    Err(match nearest {
        Some(nearest) => error.hint(format!("the nearest is {nearest}")),
        None => error,
    })
}
