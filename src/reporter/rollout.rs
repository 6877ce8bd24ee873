//! Rollouts as the ledger has them: `fleet.rollout/1`, `fleet.rollouts/1`, and text.

use serde::Serialize;

use super::event::{state_tone, words};
use super::fold;
use super::plan::versions;
use super::text::{Palette, Tone, ago, columns, plural, seconds, span, to_json};
use crate::model::ledger::{RolloutLedger, RolloutRecord, StepRecord, WaveKind, WaveRecord};
use crate::model::report::Outcome;
use crate::model::time::Timestamp;

/// `format` of one rollout.
pub const ROLLOUT_FORMAT: &str = "fleet.rollout/1";

/// `format` of a list.
pub const ROLLOUTS_FORMAT: &str = "fleet.rollouts/1";

/// `fleet.rollout/1`: `rollout.yaml` and its waves, on one line.
pub fn json(record: &RolloutRecord, waves: &[WaveRecord]) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        format: &'static str,
        #[serde(flatten)]
        record: &'a RolloutRecord,
        waves: &'a [WaveRecord],
    }
    to_json(&Document {
        format: ROLLOUT_FORMAT,
        record,
        waves,
    })
}

/// `fleet.rollouts/1`, newest first.
pub fn list_json(records: &[RolloutRecord]) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        format: &'static str,
        rollouts: &'a [RolloutRecord],
    }
    to_json(&Document {
        format: ROLLOUTS_FORMAT,
        rollouts: records,
    })
}

/// A row per rollout, newest first.
pub fn list_text(records: &[RolloutRecord], palette: Palette, now: Timestamp) -> String {
    if records.is_empty() {
        return "no rollouts\n".to_owned();
    }
    let rows: Vec<Vec<(Tone, String)>> = records
        .iter()
        .map(|record| {
            vec![
                (Tone::Plain, record.id.to_string()),
                (Tone::Plain, record.environment.to_string()),
                (state_tone(record.state), words(record.state.as_str())),
                (
                    Tone::Plain,
                    format!("{} of {}", record.completed, plural(record.total, "host")),
                ),
                (Tone::Faint, ago(record.since, now)),
                (Tone::Plain, record.reason.clone()),
            ]
        })
        .collect();
    lines(columns(&rows, palette))
}

/// One rollout with what became of each step; `keep` chooses the steps.
pub fn text(
    rollout: &RolloutLedger,
    keep: impl Fn(&StepRecord) -> bool,
    palette: Palette,
    now: Timestamp,
) -> String {
    let record = &rollout.record;
    let mut head = format!(
        "{}  rollout {}  {}",
        palette.paint(Tone::Strong, record.environment.as_str()),
        record.id,
        palette.paint(state_tone(record.state), &words(record.state.as_str()))
    );
    if !record.reason.is_empty() {
        head += &format!(": {}", record.reason);
    }
    let mut out = vec![head];
    let mut facts = vec![
        format!("plan {}", record.plan_id.short()),
        format!("desired {}", record.revision.short()),
        format!(
            "{} of {} succeeded",
            record.completed,
            plural(record.total, "host")
        ),
    ];
    for (count, word) in [
        (record.failed, "failed"),
        (record.in_progress, "in progress"),
        (record.deferred, "deferred"),
    ] {
        if count > 0 {
            facts.push(format!("{count} {word}"));
        }
    }
    match (record.started_at, record.ended_at) {
        (Some(started), Some(ended)) => facts.push(format!(
            "took {}, {}",
            span(ended.since(started)),
            ago(ended, now)
        )),
        (Some(started), None) => facts.push(format!("started {}", ago(started, now))),
        (None, _) => {}
    }
    out.push(format!("  {}", facts.join("   ")));
    let steps: Vec<(&WaveRecord, &StepRecord)> = rollout
        .waves
        .iter()
        .flat_map(|wave| wave.steps.iter().map(move |step| (wave, step)))
        .filter(|(_, step)| keep(step))
        .collect();
    let rows: Vec<Vec<(Tone, String)>> = steps
        .iter()
        .map(|(wave, step)| row(rollout, wave, step))
        .collect();
    out.extend(
        columns(&rows, palette)
            .into_iter()
            .map(|line| format!("  {line}")),
    );
    for (statement, members) in fold::by_key(&record.statements, |s| {
        (s.verb, &s.by, &s.result, &s.reason)
    }) {
        let (verb, by, result, reason) = statement;
        let times = if members.len() > 1 {
            format!(" ({} times)", members.len())
        } else {
            String::new()
        };
        out.push(format!(
            "  {} by {by}: {result}{times}, {reason}",
            verb.as_str()
        ));
    }
    lines(out)
}

fn row(rollout: &RolloutLedger, wave: &WaveRecord, step: &StepRecord) -> Vec<(Tone, String)> {
    let label = match wave.kind {
        WaveKind::Forward => format!("wave {}", wave.wave),
        WaveKind::Rollback => format!("wave {} back", wave.wave),
    };
    // What a step was to do stands in the plan; a rollback step undoes one of those.
    let change = rollout
        .plan
        .plan
        .changes
        .iter()
        .find(|c| c.host == step.host && c.service == step.service);
    let what = match (wave.kind, change) {
        (WaveKind::Forward, Some(change)) => {
            versions(step.action, change.from.as_ref(), change.to.as_ref())
        }
        (WaveKind::Rollback, Some(change)) => {
            versions(step.action, change.to.as_ref(), change.from.as_ref())
        }
        (_, None) => step.action.as_str().to_owned(),
    };
    let (tone, outcome) = match step.outcome {
        None => (Tone::Plain, "open"),
        Some(outcome @ (Outcome::Succeeded | Outcome::Superseded)) => {
            (Tone::Good, outcome.as_str())
        }
        // Going back is the good outcome of a rollback step.
        Some(Outcome::RolledBack) if wave.kind == WaveKind::Rollback => (Tone::Good, "rolled_back"),
        Some(outcome) => (Tone::Bad, outcome.as_str()),
    };
    vec![
        (Tone::Faint, label),
        (Tone::Plain, step.host.to_string()),
        (Tone::Plain, step.service.to_string()),
        (Tone::Plain, what),
        (tone, words(outcome)),
        (Tone::Faint, step.seconds.map(seconds).unwrap_or_default()),
        (Tone::Plain, step.message.clone()),
    ]
}

fn lines(lines: Vec<String>) -> String {
    lines.into_iter().map(|line| line + "\n").collect()
}
