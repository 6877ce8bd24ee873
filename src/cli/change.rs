//! Commits of desired state: what `bump` and `redeploy` have in common.

use std::collections::BTreeSet;
use std::sync::Arc;

use clap::Args;

use super::Context;
use super::error::{CliError, Exit};
use super::workspace::{self, Sources};
use crate::git::{Branches, DesiredCommit, Target};
use crate::manifest::edit::EditError;
use crate::model::desired::Environment;
use crate::model::id::ServiceName;

#[derive(Debug, Args)]
pub(crate) struct WhereArgs {
    /// Commit to the checked-out desired branch
    #[arg(long)]
    direct: bool,
    /// Push the new branch to the remote
    #[arg(long, conflicts_with = "direct")]
    push: bool,
}

/// A change of one environment's file.
pub(crate) struct Change<'a> {
    /// Which environment.
    pub(crate) environment: &'a str,
    /// What it says to be what: the subject of its commit.
    pub(crate) subject: String,
    /// The branch it goes on, unless it is direct.
    pub(crate) branch: String,
    /// What is said where the file says so already.
    pub(crate) is_so: String,
    /// The service whose artifact is given a hash.
    pub(crate) hashed: Option<&'a ServiceName>,
}

/// Changes one environment's file with `edit` and nothing else, and commits that. What would make
/// the manifests invalid is refused before it is a commit.
pub(crate) fn commit(
    context: &Context,
    args: &WhereArgs,
    change: &Change<'_>,
    edit: impl FnOnce(&str) -> Result<String, EditError>,
) -> Result<Exit, CliError> {
    let repository = workspace::open(context)?;
    let settings = workspace::git_settings(context, &repository)?;
    let branches = Branches::new(&settings);
    if args.push && settings.remote.is_none() {
        return Err(CliError::usage("--push: this fleet has no remote")
            .hint("leave --push out, and merge the branch here"));
    }
    let base = if args.direct {
        repository.head()?
    } else {
        repository.desired(&settings)?.revision
    };
    let sources = Sources::read(repository.tree_at(&base)?);
    let environment = sources.environment(context, change.environment)?;

    if let Some(service) = change.hashed.filter(|it| !has_artifact(environment, it)) {
        let message = format!("--sha256: service `{service}` has no artifact to check");
        return Err(CliError::usage(message).hint(
            "leave it out, or say in fleet.yaml where the artifact lies: `artifact: s3://bucket/key`",
        ));
    }

    let path = format!("environments/{}.yaml", change.environment);
    let before = sources.tree.file(&path).map(Arc::clone).unwrap_or_default();
    let before = String::from_utf8_lossy(&before);
    let after = edit(&before).map_err(|error| not_changed(error, &path, environment))?;
    if after == before {
        context
            .ui
            .tell(&format!("{} in {path} already\n", change.is_so));
        return Ok(Exit::Done);
    }
    refuse_what_breaks(context, &sources, &path, &after)?;

    let message = format!("{}: {}\n", change.environment, change.subject);
    let target = if args.direct {
        Target::Direct
    } else {
        Target::Branch(change.branch.clone())
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
    if let (true, Some(remote)) = (args.push, &settings.remote) {
        repository.push_desired(remote, &committed)?;
        let (from, into) = (&committed.branch, &settings.branch);
        context.ui.hint(&format!(
            "open a pull request from {from} into {into}; on GitHub: gh pr create --head {from} --base {into}"
        ));
    } else if let Some(remote) = &settings.remote {
        context
            .ui
            .hint(&format!("git push {remote} {}", committed.branch));
    } else if !args.direct {
        context.ui.hint(&format!("git merge {}", committed.branch));
    }
    Ok(Exit::Done)
}

/// Whether a service has something to be hashed; what is no service is refused by its name.
fn has_artifact(environment: &Environment, service: &ServiceName) -> bool {
    let hosts = environment.hosts.values();
    let mut assignments = hosts
        .filter_map(|host| host.services.get(service))
        .peekable();
    assignments.peek().is_none() || assignments.any(|it| it.artifact.is_some())
}

/// Where, why, and what was perhaps meant.
fn not_changed(error: EditError, path: &str, environment: &Environment) -> CliError {
    let hosts = environment.hosts.values();
    let (name, known): (_, BTreeSet<&str>) = match &error {
        EditError::Missing { service } => (
            service.to_string(),
            hosts
                .flat_map(|host| host.services.keys().map(ServiceName::as_str))
                .collect(),
        ),
        EditError::NoHost { host } => (
            host.to_string(),
            hosts.map(|host| host.name.as_str()).collect(),
        ),
        EditError::Stale { .. } => {
            return CliError::new(Exit::Usage, in_file(error, path))
                .hint("give that of the new artifact: --sha256 HEX");
        }
        EditError::Hash { .. } => {
            return CliError::new(Exit::Usage, error)
                .hint("it is 64 hex digits, as `sha256sum` prints them");
        }
        _ => return CliError::new(Exit::Usage, in_file(error, path)),
    };
    let error = CliError::new(Exit::Usage, in_file(error, path));
    let known: Vec<&str> = known.into_iter().collect();
    workspace::nearest_of(error, &name, &known)
}

fn in_file(error: EditError, path: &str) -> anyhow::Error {
    anyhow::Error::new(error).context(format!("could not change {path}"))
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
