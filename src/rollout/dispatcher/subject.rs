//! The first line of a ledger commit: the history that people read.

use std::collections::BTreeSet;

use crate::model::desired::NOTHING;
use crate::model::ledger::{RolloutState, WaveKind};
use crate::model::plan::Change;

use super::super::state::Rollout;

/// `production: metricus 0.5.0 → 1.1.0 on 6 of 6 hosts`, and how it goes where it is not over well.
pub(super) fn of(rollout: &Rollout) -> String {
    let record = rollout.record();
    let what = what(&rollout.plan().plan.changes);
    let head = format!("{}: {what}", record.environment);
    let noun = if record.total == 1 { "host" } else { "hosts" };
    let counted = format!("on {} of {} {noun}", record.completed, record.total);
    let why = |word: &str| {
        if record.reason.is_empty() {
            format!("{head} {counted}, {word}")
        } else {
            format!("{head} {counted}, {word}: {}", record.reason)
        }
    };
    match record.state {
        RolloutState::Waiting => why("waits"),
        RolloutState::Succeeded => format!("{head} {counted}"),
        RolloutState::Paused => why("paused"),
        RolloutState::Failed => why("failed"),
        RolloutState::RolledBack => why("rolled back"),
        RolloutState::Aborted => why("aborted"),
        RolloutState::Superseded => why("superseded"),
        RolloutState::Running | RolloutState::Soaking => running(rollout, &head, &counted),
    }
}

fn running(rollout: &Rollout, head: &str, counted: &str) -> String {
    let Some(wave) = rollout.open_wave() else {
        return format!("{head} {counted}");
    };
    let hosts: BTreeSet<_> = wave.steps.iter().map(|step| &step.host).collect();
    let hosts = match hosts.len() {
        1 => "1 host".to_owned(),
        n => format!("{n} hosts"),
    };
    match (wave.kind, wave.progress_at) {
        (_, Some(_)) => format!("{head} {counted} so far"),
        (WaveKind::Forward, None) => {
            let waves = rollout.plan().plan.waves.len();
            format!("{head}, wave {} of {waves} on {hosts}", wave.wave)
        }
        (WaveKind::Rollback, None) => format!("{head} goes back on {hosts}"),
    }
}

/// `metricus 0.5.0 → 1.1.0`; several services or versions are counted.
fn what(changes: &[Change]) -> String {
    let services: BTreeSet<_> = changes.iter().map(|change| &change.service).collect();
    let mut one: Vec<String> = Vec::new();
    for service in &services {
        let of_service = || changes.iter().filter(|change| change.service == **service);
        let from: BTreeSet<_> = of_service().map(|change| &change.from).collect();
        let to: BTreeSet<_> = of_service()
            .filter_map(|change| change.to.as_ref())
            .collect();
        let to = match (to.len(), to.first()) {
            (0, _) => NOTHING.to_owned(),
            (1, Some(to)) => to.to_string(),
            (n, _) => format!("{n} versions"),
        };
        let text = match (from.len(), from.first()) {
            (1, Some(Some(from))) if from.as_str() != to => format!("{service} {from} → {to}"),
            _ => format!("{service} {to}"),
        };
        one.push(text);
    }
    match one.len() {
        0..=2 => one.join(", "),
        n => format!("{} and {} more services", one[0], n - 1),
    }
}
