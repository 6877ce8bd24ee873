//! Reading an environment: its own files only, and of those only what changed since the last time.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::LedgerError;
use super::{Inner, files};
use crate::model::id::{EnvironmentName, HostName, Revision, RolloutId, check_name};
use crate::model::ledger::{
    EnvironmentLedger, HostRecords, RolloutLedger, RolloutRecord, WaveRecord,
};

#[derive(Deserialize)]
struct Format {
    format: u64,
}

impl Inner {
    pub(super) fn read(&self, name: &EnvironmentName) -> Result<EnvironmentLedger, LedgerError> {
        let Some(tip) = self.tip()? else {
            return Ok(EnvironmentLedger::default());
        };
        self.check_format(&tip)?;
        let mut ledger = EnvironmentLedger {
            tip: self.environment_tip(Some(&tip), name)?,
            ledger_revision: Some(tip.clone()),
            hosts: self.hosts(&tip, name)?,
            ..EnvironmentLedger::default()
        };
        if let Some(record) = self.file(&tip, &files::environment(name))? {
            ledger.environment = record;
        }
        if let Some(record) = self.file(&tip, &files::blocked(name))? {
            ledger.blocked = record;
        }
        if let Some(id) = &ledger.environment.open {
            let path = format!("{}/plan.json", files::rollout(name, id));
            let missing = "environment.yaml names this rollout as open, and it is not there";
            let open = self.rollout(&tip, name, id)?;
            ledger.open = Some(open.ok_or_else(|| corrupt(&path, &tip, missing))?);
        }
        Ok(ledger)
    }

    /// A folder of the branch is an environment's.
    pub(super) fn environments(&self) -> Result<Vec<EnvironmentName>, LedgerError> {
        let Some(tip) = self.tip()? else {
            return Ok(Vec::new());
        };
        let folders = self.repository.folders_in(&tip, "")?;
        let names = folders.iter().filter(|name| check_name(name).is_ok());
        Ok(names
            .map(|name| EnvironmentName::new(name.as_str()))
            .collect())
    }

    /// The newest commit up to the ledger's tip that changed an environment's folder.
    pub(super) fn environment_tip(
        &self,
        tip: Option<&Revision>,
        name: &EnvironmentName,
    ) -> Result<Option<Revision>, LedgerError> {
        let Some(tip) = tip else { return Ok(None) };
        let known = self.tips().get(name).cloned();
        let folder = name.as_str();
        let found = self.repository.last_change_of(tip, folder, known)?;
        self.tips()
            .insert(name.clone(), (tip.clone(), found.clone()));
        Ok(found)
    }

    fn tips(&self) -> MutexGuard<'_, HashMap<EnvironmentName, (Revision, Option<Revision>)>> {
        self.tips.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses a ledger that a newer fleet wrote.
    pub(super) fn check_format(&self, tip: &Revision) -> Result<(), LedgerError> {
        let format: Option<Format> = self.file(tip, files::LEDGER)?;
        match format {
            Some(Format { format }) if format > files::FORMAT => Err(LedgerError::Newer {
                format,
                known: files::FORMAT,
            }),
            Some(_) => Ok(()),
            None => Err(corrupt(files::LEDGER, tip, "the file is missing")),
        }
    }

    pub(super) fn hosts(
        &self,
        tip: &Revision,
        name: &EnvironmentName,
    ) -> Result<HostRecords, LedgerError> {
        let folder = files::hosts(name);
        let mut all = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry(name.clone()).or_default();
        let mut current = HashMap::with_capacity(known.len());
        let mut hosts = HostRecords::new();
        for (file, blob) in self.repository.files_in(tip, &folder)? {
            let path = format!("{folder}/{file}");
            let host = host_of(&path, &file, tip)?;
            let record = match known.get(&blob) {
                Some(record) => Arc::clone(record),
                None => {
                    let bytes = self.repository.blob(&blob)?;
                    Arc::new(files::decode(&path, tip, &bytes)?)
                }
            };
            hosts.insert(host, Arc::clone(&record));
            current.insert(blob, record);
        }
        *known = current;
        Ok(hosts)
    }

    pub(super) fn rollouts(
        &self,
        name: &EnvironmentName,
    ) -> Result<Vec<RolloutRecord>, LedgerError> {
        let Some(tip) = self.tip()? else {
            return Ok(Vec::new());
        };
        self.check_format(&tip)?;
        let folder = files::rollouts(name);
        let mut records = Vec::new();
        for id in self.repository.folders_in(&tip, &folder)?.iter().rev() {
            if let Some(record) = self.file(&tip, &format!("{folder}/{id}/rollout.yaml"))? {
                records.push(record);
            }
        }
        Ok(records)
    }

    pub(super) fn rollout(
        &self,
        tip: &Revision,
        name: &EnvironmentName,
        id: &RolloutId,
    ) -> Result<Option<RolloutLedger>, LedgerError> {
        let folder = files::rollout(name, id);
        let Some(plan) = self.file(tip, &format!("{folder}/plan.json"))? else {
            return Ok(None);
        };
        let path = format!("{folder}/rollout.yaml");
        let record: Option<RolloutRecord> = self.file(tip, &path)?;
        let record = record.ok_or_else(|| corrupt(&path, tip, "the file is missing"))?;
        if (&record.id, &record.environment) != (id, name) {
            return Err(corrupt(&path, tip, "it is of another rollout"));
        }
        let waves = self.waves(tip, &folder)?;
        Ok(Some(RolloutLedger {
            plan,
            record,
            waves,
        }))
    }

    /// The waves of a rollout, from the first one without a gap: a wave that is not seen might be
    /// open.
    fn waves(&self, tip: &Revision, folder: &str) -> Result<Vec<WaveRecord>, LedgerError> {
        let files = self.repository.files_in(tip, folder)?;
        let waves = files.iter().filter(|(file, _)| file.starts_with("wave-"));
        (1..=waves.count())
            .map(|number| {
                let path = format!("{folder}/wave-{number}.yaml");
                let wave: Option<WaveRecord> = self.file(tip, &path)?;
                let wave = wave.ok_or_else(|| corrupt(&path, tip, "the file is missing"))?;
                match usize::try_from(wave.wave) == Ok(number) {
                    true => Ok(wave),
                    false => Err(corrupt(&path, tip, "it is of another wave")),
                }
            })
            .collect()
    }

    pub(super) fn file<T: DeserializeOwned>(
        &self,
        at: &Revision,
        path: &str,
    ) -> Result<Option<T>, LedgerError> {
        match self.repository.file_at(at, path)? {
            Some(bytes) => files::decode(path, at, &bytes).map(Some),
            None => Ok(None),
        }
    }
}

/// Whose record a file of `hosts/` is.
pub(super) fn host_of(path: &str, file: &str, tip: &Revision) -> Result<HostName, LedgerError> {
    file.strip_suffix(".yaml")
        .filter(|host| check_name(host).is_ok())
        .map(HostName::new)
        .ok_or_else(|| corrupt(path, tip, "not a file that fleet writes"))
}

fn corrupt(path: &str, at: &Revision, problem: &str) -> LedgerError {
    LedgerError::Corrupt {
        path: path.to_owned(),
        revision: at.clone(),
        problem: problem.to_owned(),
    }
}
