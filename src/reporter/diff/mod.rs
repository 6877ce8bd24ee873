//! What a plan changes in rendered scripts and files: unified diffs, folded over hosts.
//!
//! Hosts on which the same lines of a file change share one diff. Where the lines around them, or a
//! host's own name and instance in them, tell the hosts apart, the diff is that of the first host
//! and says so ([`Difference::shown_for`]): nothing is folded that changes in another way.

pub use markdown::markdown;
pub use text::{Options, text};

mod markdown;
mod text;
mod unified;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde::Serialize;

use super::fold;
use crate::model::bundle::Bundle;
use crate::model::id::{HostName, InstanceId, Revision, ServiceName};
use unified::Unified;

/// What changes in one file of a service, and on which hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Of which service.
    pub service: ServiceName,
    /// Which file of its bundle; null where no file changes, or nobody can tell.
    pub file: Option<Arc<str>>,
    /// Where, by name.
    pub hosts: Vec<HostName>,
    /// The recorded commits that this was compared with; none where nothing was installed.
    pub against: BTreeSet<Revision>,
    /// The unified diff; null where there is none to show, which `note` explains.
    pub diff: Option<Arc<str>>,
    /// The host whose diff this is, where on the others the same lines change with a name,
    /// an instance or lines around them of their own.
    pub shown_for: Option<HostName>,
    /// What else must be known.
    pub note: Option<Arc<str>>,
}

/// A change whose files are compared.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// On which host.
    pub host: &'a HostName,
    /// Its instance.
    pub instance: &'a InstanceId,
    /// Of which service.
    pub service: &'a ServiceName,
    /// The recorded commit.
    pub against: Option<&'a Revision>,
    /// What must be known of it.
    pub note: Option<&'a Arc<str>>,
}

/// Differences as they are found, one change after another.
#[derive(Debug, Default)]
pub struct Differences {
    /// Diffs by a hash of the path and both sides: hosts mostly share them.
    known: HashMap<[u8; 32], Unified>,
    /// Positions in `groups`.
    places: HashMap<Key, usize>,
    groups: Vec<Group>,
}

/// More remembered diffs than this are of no use: the files differ from host to host.
const MOST_REMEMBERED: usize = 4_096;

/// What hosts of one group have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    service: ServiceName,
    file: Option<Arc<str>>,
    note: Option<Arc<str>>,
    /// The lines that change.
    lines: Arc<str>,
}

#[derive(Debug)]
struct Group {
    key: Key,
    hosts: Vec<(HostName, InstanceId)>,
    against: BTreeSet<Revision>,
    /// Of the first host.
    diff: Option<Arc<str>>,
    /// Another host's lines around it differ, or its name in it.
    varies: bool,
}

impl Differences {
    /// Compares the two sides of a change.
    pub fn add(&mut self, subject: &Subject<'_>, old: Option<&Bundle>, new: &Bundle) {
        let mut any = false;
        let names: BTreeSet<&String> = old
            .into_iter()
            .flat_map(|old| old.files.keys())
            .chain(new.files.keys())
            .collect();
        for name in names {
            let before = old.and_then(|old| old.files.get(name));
            let after = new.files.get(name);
            if before == after {
                continue;
            }
            any = true;
            let path = format!("{}/{name}", subject.service);
            let unified = self.unified(&path, before, after);
            let note = match (&unified.note, subject.note) {
                (Some(own), Some(note)) => Some(format!("{own}; {note}").into()),
                (own, note) => own.clone().or_else(|| note.cloned()),
            };
            self.put(subject, Some(name.as_str().into()), &unified, note);
        }
        if !any {
            let same = match subject.note {
                Some(note) => format!("scripts and files stay as they are; {note}"),
                None => "scripts and files stay as they are".to_owned(),
            };
            self.put(subject, None, &Unified::default(), Some(same.into()));
        }
    }

    fn unified(
        &mut self,
        path: &str,
        before: Option<&Arc<[u8]>>,
        after: Option<&Arc<[u8]>>,
    ) -> Unified {
        let key = unified::key(path, before, after);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let made = unified::unified(path, before, after);
        if self.known.len() < MOST_REMEMBERED {
            self.known.insert(key, made.clone());
        }
        made
    }

    /// Notes a change that cannot be compared.
    pub fn miss(&mut self, subject: &Subject<'_>) {
        self.put(subject, None, &Unified::default(), subject.note.cloned());
    }

    fn put(
        &mut self,
        subject: &Subject<'_>,
        file: Option<Arc<str>>,
        unified: &Unified,
        note: Option<Arc<str>>,
    ) {
        let key = Key {
            service: subject.service.clone(),
            file,
            note,
            lines: Arc::clone(&unified.lines),
        };
        let place = *self.places.entry(key).or_insert_with_key(|key| {
            self.groups.push(Group {
                key: key.clone(),
                hosts: Vec::new(),
                against: BTreeSet::new(),
                diff: unified.diff.clone(),
                varies: false,
            });
            self.groups.len() - 1
        });
        let group = &mut self.groups[place];
        group.varies |= group.diff != unified.diff;
        group
            .hosts
            .push((subject.host.clone(), subject.instance.clone()));
        group.against.extend(subject.against.cloned());
    }

    /// All of them, by service, file and host.
    pub fn finish(self) -> Vec<Difference> {
        let mut found: Vec<Difference> = merge_by_name(self.groups)
            .into_iter()
            .map(|group| {
                let shown_for = group.varies.then(|| group.hosts[0].0.clone());
                let mut hosts: Vec<HostName> =
                    group.hosts.into_iter().map(|(host, _)| host).collect();
                hosts.sort_by_cached_key(|host| fold::natural(host.as_str()));
                Difference {
                    service: group.key.service,
                    file: group.key.file,
                    hosts,
                    against: group.against,
                    diff: group.diff,
                    shown_for,
                    note: group.key.note,
                }
            })
            .collect();
        found.sort_by_cached_key(|it| {
            let first = it.hosts.first().map(|host| fold::natural(host.as_str()));
            (it.service.clone(), it.file.clone(), first)
        });
        found
    }
}

/// Joins groups of one host each whose lines are the same but for the host's own name and
/// instance. Larger groups do not join: their hosts share somebody's name.
fn merge_by_name(groups: Vec<Group>) -> Vec<Group> {
    let mut places: HashMap<Key, usize> = HashMap::new();
    let mut merged: Vec<Group> = Vec::with_capacity(groups.len());
    for group in groups {
        let own = match group.hosts.as_slice() {
            [(host, instance)] => own_names(&group.key, host, instance),
            _ => None,
        };
        let place = own.as_ref().and_then(|own| places.get(own)).copied();
        match (place, own) {
            (Some(place), _) => {
                let first: &mut Group = &mut merged[place];
                first.hosts.extend(group.hosts);
                first.against.extend(group.against);
                first.varies = true;
            }
            (None, own) => {
                if let Some(own) = own {
                    places.insert(own, merged.len());
                }
                merged.push(group);
            }
        }
    }
    merged
}

/// The key with the host's own names taken out; none where it has none of them. Two hosts with
/// equal ones differ in nothing but these names: each stands wherever the other's does.
fn own_names(key: &Key, host: &HostName, instance: &InstanceId) -> Option<Key> {
    let lines = key
        .lines
        .replace(instance.as_str(), "\0instance\0")
        .replace(host.as_str(), "\0host\0");
    (lines != *key.lines).then(|| Key {
        lines: lines.into(),
        ..key.clone()
    })
}

#[cfg(test)]
mod tests;
