//! The file of `apply --plan`: a plan that somebody looked at, which is all that may run.

use std::fs;
use std::path::Path;

use super::error::{CliError, Exit};
use super::workspace::Books;
use crate::model::id::Revision;
use crate::model::plan::{EnvironmentPlan, PLAN_FORMAT, PlanDocument};
use crate::reporter::plan::differences;

/// Lines about one environment; the new plan has the rest.
const MOST: usize = 12;

/// Reads a plan of this fleet's desired state.
pub(crate) fn read(file: &Path, books: &Books) -> Result<PlanDocument, CliError> {
    let shown = file.display();
    let error = |message: String| CliError::other(Exit::Error, message);
    let text = fs::read_to_string(file).map_err(|error| {
        let error = anyhow::Error::new(error).context(format!("could not read the plan {shown}"));
        CliError::new(Exit::Error, error).hint("fleet plan --out FILE writes one")
    })?;
    let no_plan = |error: serde_json::Error| {
        let error = anyhow::Error::new(error).context(format!("{shown} is not a plan"));
        CliError::new(Exit::Error, error).hint("fleet plan --out FILE writes one")
    };
    let value: serde_json::Value = serde_json::from_str(&text).map_err(no_plan)?;
    match value.get("format").and_then(serde_json::Value::as_str) {
        Some(PLAN_FORMAT) => {}
        Some(other) => {
            return Err(error(format!("{shown} is {other:?}, not {PLAN_FORMAT:?}"))
                .hint("fleet plan --out FILE writes one"));
        }
        None => {
            return Err(error(format!("{shown} is not a plan: it has no `format`"))
                .hint("fleet plan --out FILE writes one"));
        }
    }
    let plan: PlanDocument = serde_json::from_value(value).map_err(no_plan)?;
    if plan.fleet != books.fleet.name {
        return Err(error(format!(
            "{shown} is a plan of fleet {}, and this is {}",
            plan.fleet, books.fleet.name
        ))
        .hint("--repo names the fleet repository"));
    }
    if let Some(option) = &plan.preview_of {
        return Err(error(format!(
            "{shown} was made with --{option}, and such a plan cannot be applied"
        ))
        .hint("plan the desired commit: fleet plan --out FILE"));
    }
    if plan.environments.is_empty() {
        return Err(error(format!("{shown} has no environment in it")));
    }
    Ok(plan)
}

/// Refuses what would not be what the file says, and says what changed since.
pub(crate) fn check<'a>(
    file: &Path,
    saved: &PlanDocument,
    revision: Option<&Revision>,
    now: impl Iterator<Item = &'a EnvironmentPlan>,
) -> Result<(), CliError> {
    let mut lines = Vec::new();
    for now in now {
        let Some(then) = saved.environments.iter().find(|plan| plan.name == now.name) else {
            continue;
        };
        if then.plan_id == now.plan_id {
            continue;
        }
        lines.push(format!(
            "{}: plan {} is now plan {}",
            now.name,
            then.plan_id.short(),
            now.plan_id.short()
        ));
        let all = differences(then, now);
        lines.extend(all.iter().take(MOST).map(|line| format!("  {line}")));
        if all.len() > MOST {
            lines.push(format!("  and {} more", all.len() - MOST));
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    if let (Some(then), Some(now)) = (&saved.revision, revision)
        && then != now
    {
        lines.push(format!("desired was {}, is {}", then.short(), now.short()));
    }
    let lines: String = lines.iter().map(|line| format!("\n  {line}")).collect();
    Err(CliError::other(
        Exit::Error,
        format!("the plan {} no longer fits{lines}", file.display()),
    )
    .hint("look at the new one: fleet plan --out FILE")
    .hint("a plan made with --host, --selector or --service needs the same ones here"))
}
