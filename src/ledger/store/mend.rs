//! What cannot be read goes, for `observe --rebuild` to put the hosts' answers in its place. What
//! can be read stays, and git's history has the rest.

use std::collections::BTreeSet;

use super::super::{Committed, LedgerError};
use super::{Inner, files, read, readme};
use crate::git::BranchCommit;
use crate::model::id::{EnvironmentName, Revision, RolloutId};
use crate::model::ledger::{BlockedRecord, EnvironmentRecord, HostRecords, Write};
use crate::model::time::Timestamp;

/// What a folder consists of, judged file by file.
#[derive(Default)]
struct Damage {
    /// Path and bytes; none where the file goes.
    changes: Vec<(String, Option<Vec<u8>>)>,
    /// Those that can be read.
    hosts: HostRecords,
}

impl Damage {
    /// What a record says; one that cannot be read goes.
    fn readable<T>(
        &mut self,
        path: &str,
        record: Result<T, LedgerError>,
    ) -> Result<Option<T>, LedgerError> {
        match record {
            Ok(record) => Ok(Some(record)),
            Err(LedgerError::Corrupt { .. }) => {
                self.changes.push((path.to_owned(), None));
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }
}

impl Inner {
    pub(super) fn mend(
        &self,
        name: &EnvironmentName,
        at: Timestamp,
    ) -> Result<Vec<String>, LedgerError> {
        let Some(tip) = self.tip()? else {
            return Ok(Vec::new());
        };
        let found = self.damage(&tip, name)?;
        if found.changes.is_empty() {
            return Ok(Vec::new());
        }
        let base = self.environment_tip(Some(&tip), name)?;
        let message = format!("{name}: what could not be read removed\n");
        let landed = self.land(name, base, &|tip| {
            let mut damage = match tip {
                Some(tip) => self.damage(tip, name)?,
                None => Damage::default(),
            };
            let page = readme::page(self, tip, name, &damage.hosts)?;
            let page = (readme::PATH.to_owned(), Some(page.into_bytes()));
            damage.changes.push(page);
            Ok(self.repository.commit_on(&BranchCommit {
                parent: tip,
                files: &damage.changes,
                message: &message,
                at,
            })?)
        })?;
        match landed {
            Committed::Accepted(_) => {
                let paths = found.changes.into_iter().map(|(path, _)| path);
                Ok(paths.collect())
            }
            Committed::Lost(_) => {
                Err(self.rejected("somebody else wrote it at the same time".to_owned()))
            }
        }
    }

    fn damage(&self, tip: &Revision, name: &EnvironmentName) -> Result<Damage, LedgerError> {
        let mut damage = Damage::default();
        match self.check_format(tip) {
            Err(LedgerError::Corrupt { path, .. }) => {
                damage.changes.push((path, Some(files::format())));
            }
            other => other?,
        }
        let folder = files::hosts(name);
        for (file, blob) in self.repository.files_in(tip, &folder)? {
            let path = format!("{folder}/{file}");
            let bytes = self.repository.blob(&blob)?;
            let record = read::host_of(&path, &file, tip)
                .and_then(|host| Ok((host, files::decode(&path, tip, &bytes)?)));
            let record = damage.readable(&path, record)?;
            damage.hosts.extend(record);
        }
        let path = files::blocked(name);
        let blocked = self.file::<BlockedRecord>(tip, &path);
        damage.readable(&path, blocked)?;
        let rollouts = self.readable_rollouts(tip, name, &mut damage)?;
        let path = files::environment(name);
        let record = self.file::<EnvironmentRecord>(tip, &path);
        if let Some(Some(mut record)) = damage.readable(&path, record)?
            && record
                .open
                .as_ref()
                .is_some_and(|id| !rollouts.contains(id))
        {
            record.open = None;
            let rewritten = files::encode(name, &Write::Environment(record))?;
            damage.changes.push(rewritten);
        }
        Ok(damage)
    }

    /// A rollout is read as a whole, so one bad file takes its folder with it.
    fn readable_rollouts(
        &self,
        tip: &Revision,
        name: &EnvironmentName,
        damage: &mut Damage,
    ) -> Result<BTreeSet<RolloutId>, LedgerError> {
        let mut readable = BTreeSet::new();
        for id in self.repository.folders_in(tip, &files::rollouts(name))? {
            let id = RolloutId::new(id);
            match self.rollout(tip, name, &id) {
                Ok(Some(_)) => {
                    readable.insert(id);
                }
                Ok(None) | Err(LedgerError::Corrupt { .. }) => {
                    let folder = files::rollout(name, &id);
                    for (file, _) in self.repository.files_in(tip, &folder)? {
                        damage.changes.push((format!("{folder}/{file}"), None));
                    }
                }
                Err(other) => return Err(other),
            }
        }
        Ok(readable)
    }
}
