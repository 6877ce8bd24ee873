//! `fleet plan --diff`: both sides of every change, rendered again from their commits.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::{CliError, Exit};
use super::workspace::{Books, Sources};
use crate::git::{GitError, Repository};
use crate::model::bundle::Bundle;
use crate::model::id::{EnvironmentName, HostName, Revision, ServiceName};
use crate::model::ledger::EnvironmentLedger;
use crate::model::observed::{ServiceRecord, ServiceState};
use crate::model::plan::{Change, EnvironmentPlan};
use crate::reporter::diff::{Difference, Differences, Subject};

/// Compares what each change would send with what its host was sent last. One commit of the past
/// is in memory at a time; hosts of a fleet mostly share it.
pub(crate) fn differences(
    books: &Books,
    ledger: &EnvironmentLedger,
    plan: &EnvironmentPlan,
) -> Result<Vec<Difference>, CliError> {
    let mut by_commit: BTreeMap<Option<&Revision>, Vec<(&Change, Option<&ServiceRecord>)>> =
        BTreeMap::new();
    for change in &plan.changes {
        let recorded = recorded(ledger, change);
        let commit = recorded.and_then(|record| record.revision.as_ref());
        by_commit
            .entry(commit)
            .or_default()
            .push((change, recorded));
    }
    let mut found = Differences::default();
    for (commit, changes) in by_commit {
        let past = commit.map(|commit| Past::read(&books.repository, commit));
        for (change, recorded) in changes {
            let new = bundle(&books.sources, &plan.name, &change.host, &change.service)
                .unwrap_or_else(|| Err("its scripts cannot be rendered".to_owned()))
                .map_err(|message| CliError::other(Exit::Invalid, message))?;
            let old = match (recorded, &past) {
                (None, _) => Ok(None),
                (Some(_), None) => Err("no commit is recorded for what runs there".to_owned()),
                (Some(_), Some(past)) => past.bundle(plan, change).map(Some),
            };
            let note = match (&old, recorded) {
                (Ok(Some(old)), Some(record)) => caution(old, record).map(str::to_owned),
                (Ok(_), _) => None,
                (Err(message), _) => Some(format!("{message}: no diff")),
            };
            let note: Option<Arc<str>> = note.map(Into::into);
            let subject = Subject {
                host: &change.host,
                instance: &change.instance,
                service: &change.service,
                against: commit,
                note: note.as_ref(),
            };
            match old {
                Ok(old) => found.add(&subject, old.as_ref(), &new),
                Err(_) => found.miss(&subject),
            }
        }
    }
    Ok(found.finish())
}

/// What is recorded of a change's service and counts: not of another instance, and not of a service
/// that was released or is not there.
fn recorded<'a>(ledger: &'a EnvironmentLedger, change: &Change) -> Option<&'a ServiceRecord> {
    let host = ledger.hosts.get(&change.host)?;
    let record = host.services.get(&change.service)?;
    let counts = host.instance == change.instance && record.state != ServiceState::Released;
    let is_there = record.version.is_some() || record.state == ServiceState::Failed;
    (counts && is_there).then_some(record)
}

/// Why what the commit renders may not be what runs there.
fn caution(old: &Bundle, record: &ServiceRecord) -> Option<&'static str> {
    match record.state {
        ServiceState::Failed => Some("the step that brought it failed"),
        _ if record.digest.as_ref() == Some(&old.digests.digest) => None,
        _ => Some("the commit renders other scripts today than were recorded"),
    }
}

/// A commit that hosts were brought to, or why it cannot be read.
struct Past {
    commit: Revision,
    sources: Result<Sources, String>,
}

impl Past {
    fn read(repository: &Repository, commit: &Revision) -> Self {
        let sources = match repository.tree_at(commit) {
            Ok(tree) => Ok(Sources::read(tree)),
            Err(GitError::NoRevision { .. }) => Err(format!(
                "the recorded commit {} is not in this repository any more",
                commit.short()
            )),
            Err(error) => Err(format!("{error}")),
        };
        Self {
            commit: commit.clone(),
            sources,
        }
    }

    fn bundle(&self, plan: &EnvironmentPlan, change: &Change) -> Result<Bundle, String> {
        let sources = self.sources.as_ref().map_err(Clone::clone)?;
        bundle(sources, &plan.name, &change.host, &change.service).unwrap_or_else(|| {
            let commit = self.commit.short();
            Err(format!(
                "the recorded commit {commit} does not have it in a valid form"
            ))
        })
    }
}

/// What a host gets for a service by some sources; none where they do not have it there.
fn bundle(
    sources: &Sources,
    environment: &EnvironmentName,
    host: &HostName,
    service: &ServiceName,
) -> Option<Result<Bundle, String>> {
    let fleet = sources.fleet.as_ref()?;
    let wanted = fleet.environments.get(environment)?;
    let (host, assignment) = wanted.assignment(host, service)?;
    let rendered = sources
        .templates
        .bundle(environment, host, service, assignment);
    Some(rendered.map_err(|problem| problem.message.clone()))
}
