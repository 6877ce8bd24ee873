//! `fleet bump`.

use std::sync::Arc;

use clap::Args;

use super::Context;
use super::error::{CliError, Exit};
use super::workspace::{self, Sources};
use crate::git::{Branches, DesiredCommit, Target};
use crate::manifest::edit;
use crate::model::id::ServiceName;

/// Commit another version of a service
///
/// Changes one version in environments/<ENV>.yaml and nothing else, comments and layout included,
/// and commits that: on a new branch `fleet/bump-…` for a pull request, or with --direct on the
/// desired branch, which must be checked out.
#[derive(Debug, Args)]
pub(crate) struct BumpArgs {
    /// Which environment
    #[arg(value_name = "ENV")]
    environment: String,
    /// Which service
    service: String,
    /// The version that its hosts should run
    #[arg(value_name = "VERSION")]
    to: String,
    /// Commit to the checked-out desired branch
    #[arg(long)]
    direct: bool,
}

pub(crate) fn run(context: &Context, args: &BumpArgs) -> Result<Exit, CliError> {
    let repository = workspace::open(context)?;
    let settings = workspace::git_settings(context, &repository)?;
    let branches = Branches::new(&settings);
    let base = if args.direct {
        repository.head()?
    } else {
        repository.desired(&settings)?.revision
    };
    let sources = Sources::read(repository.tree_at(&base)?);
    sources.environment(context, &args.environment)?;

    let path = format!("environments/{}.yaml", args.environment);
    let before = sources.tree.file(&path).map(Arc::clone).unwrap_or_default();
    let before = String::from_utf8_lossy(&before);
    let service = ServiceName::new(args.service.as_str());
    let after = edit::set_version(&before, &service, &args.to)
        .map_err(|error| CliError::new(Exit::Usage, error))?;
    if after == before {
        context
            .ui
            .tell(&format!("{service} is {} in {path} already\n", args.to));
        return Ok(Exit::Done);
    }
    refuse_what_breaks(context, &sources, &path, &after)?;

    let message = format!("{}: {service} {}\n", args.environment, args.to);
    let target = if args.direct {
        Target::Direct
    } else {
        Target::Branch(format!(
            "fleet/bump-{}-{service}-{}",
            args.environment, args.to
        ))
    };
    let committed = repository.commit_desired(
        &branches,
        &DesiredCommit {
            base: &base,
            path: &path,
            bytes: after.as_bytes(),
            message: &message,
            at: context.now(),
            target,
        },
    )?;
    context.ui.answer(&format!(
        "{} {}: {}",
        committed.branch,
        committed.revision.short(),
        message
    ))?;
    if let Some(remote) = &settings.remote {
        context
            .ui
            .hint(&format!("git push {remote} {}", committed.branch));
    } else if !args.direct {
        context.ui.hint(&format!("git merge {}", committed.branch));
    }
    Ok(Exit::Done)
}

/// A bump that makes the manifests invalid is refused before it is a commit.
fn refuse_what_breaks(
    context: &Context,
    sources: &Sources,
    path: &str,
    after: &str,
) -> Result<(), CliError> {
    let changed = Sources::read(sources.tree.clone().with(path, after));
    if changed.invalid.is_subset(&sources.invalid) && changed.fleet.is_some() {
        return Ok(());
    }
    Err(changed.refuse(context))
}
