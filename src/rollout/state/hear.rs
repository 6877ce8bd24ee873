//! What a person's word does to a rollout.

use std::time::Duration;

use crate::model::id::HostName;
use crate::model::ledger::{HandledStatement, RolloutState};
use crate::model::statement::{Statement, StatementFile, Verb};
use crate::model::time::Timestamp;

use super::Rollout;

/// `result` of a statement that had an effect.
pub(super) const DONE: &str = "done";
/// `result` of one that had none.
const IGNORED: &str = "ignored";

/// A person's clock may be behind the controller's by so much.
const SKEW: Duration = Duration::from_secs(60);

/// What a statement comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// For the record.
    pub handled: HandledStatement,
    /// Failures that it accepts.
    pub accepted: Vec<HostName>,
    /// Blocks and `until`s that it lifts.
    pub lift: Option<Lift>,
    /// It ends the rollout.
    pub ends: bool,
}

/// What `retry` lifts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lift {
    /// Everything of the environment.
    Everything,
    /// What this rollout blocked.
    Own,
}

impl Rollout {
    /// Judges a statement; none where it is not for this rollout or was looked at before.
    pub fn hear(&self, file: &StatementFile) -> Option<Heard> {
        let said = file.content.as_ref().ok()?;
        if self
            .record
            .statements
            .iter()
            .any(|handled| handled.sha256 == file.sha256)
        {
            return None;
        }
        match &said.rollout {
            Some(id) if *id != self.record.id => return None,
            // Before this rollout was recorded it was about another one.
            None if said.at + SKEW < recorded_at(self) => return None,
            _ => {}
        }
        let verdict = self.judge(said);
        let handled = |result: &str, reason: String| HandledStatement {
            sha256: file.sha256.clone(),
            verb: said.verb,
            by: said.by.clone(),
            result: result.to_owned(),
            reason,
        };
        Some(match verdict {
            Err(reason) => Heard {
                handled: handled(IGNORED, reason.to_owned()),
                accepted: Vec::new(),
                lift: None,
                ends: false,
            },
            Ok(reason) => Heard {
                handled: handled(DONE, reason),
                accepted: match said.verb {
                    Verb::Continue => self.failures().into_iter().cloned().collect(),
                    Verb::Abort | Verb::Retry => Vec::new(),
                },
                lift: (said.verb == Verb::Retry).then_some(match said.rollout {
                    Some(_) => Lift::Own,
                    None => Lift::Everything,
                }),
                ends: said.verb == Verb::Retry && self.record.state == RolloutState::Paused,
            },
        })
    }

    fn judge(&self, said: &Statement) -> Result<String, &'static str> {
        if said
            .plan
            .as_ref()
            .is_some_and(|plan| *plan != self.record.plan_id)
        {
            return Err("it names another plan");
        }
        match said.verb {
            Verb::Continue => {
                let awaited = self.awaits_continue().is_some();
                let waits = self.record.state == RolloutState::Paused
                    && self.open_wave().is_none()
                    && (self.line_stopped() || awaited);
                if !waits || said.at + SKEW < self.record.since {
                    return Err("nothing waited for it");
                }
                let hosts = self.failures();
                Ok(match hosts.len() {
                    0 => "the waves behind the canary may go".to_owned(),
                    1 => format!("the failure of {} is accepted", hosts[0]),
                    n => format!("{n} failures are accepted"),
                })
            }
            Verb::Abort if self.is_aborted() => Err("it was aborted before"),
            Verb::Abort => Ok("no new wave starts".to_owned()),
            Verb::Retry if self.record.state == RolloutState::Paused => {
                Ok("blocks are lifted and the rollout ends".to_owned())
            }
            Verb::Retry => Ok("blocks are lifted".to_owned()),
        }
    }
}

/// When the rollout was recorded: its id says so.
fn recorded_at(rollout: &Rollout) -> Timestamp {
    let id = rollout.record.id.as_str();
    let part = |range: std::ops::Range<usize>| id.get(range).unwrap_or("");
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0..4),
        part(4..6),
        part(6..8),
        part(9..11),
        part(11..13),
        part(13..15)
    );
    text.parse().unwrap_or(Timestamp::from_unix(0))
}
