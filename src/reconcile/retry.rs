//! `retry` where no rollout is open: it lifts blocks and `until`s.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ledger::{Ledger, LedgerError};
use crate::model::id::{EnvironmentName, RolloutId};
use crate::model::ledger::{BlockedRecord, HandledStatement, RolloutRecord, Write};
use crate::model::statement::Verb;
use crate::model::time::Timestamp;
use crate::rollout::state::retry_pause;
use crate::rollout::{Books, Controller};

/// A person's clock may be behind the controller's by so much.
const SKEW: Duration = Duration::from_secs(60);

/// Takes the statements that were not looked at yet, and notes them in the newest rollout.
pub(super) async fn hear(
    controller: &Controller<'_>,
    environment: &EnvironmentName,
    books: &mut Books,
) -> Result<(), LedgerError> {
    let mut blocked = books.blocked().clone();
    let noted = lift(controller.ledger, environment, &mut blocked).await?;
    if blocked != *books.blocked() {
        *books.blocked_mut() = blocked;
    }
    if let Some(rollout) = noted {
        books.add(Write::Rollout(Box::new(rollout)));
    }
    Ok(())
}

/// Lifts what people's `retry` lifts, as the next pass will: a plan that is shown before it would
/// else hold what the pass rolls out. Gives the rollout that notes it.
///
/// # Errors
/// The ledger could not be read.
pub async fn lift(
    ledger: &dyn Ledger,
    environment: &EnvironmentName,
    blocked: &mut BlockedRecord,
) -> Result<Option<RolloutRecord>, LedgerError> {
    let lifts_nothing =
        blocked.blocks.is_empty() && blocked.untouched.iter().all(|entry| entry.until.is_none());
    // Most passes end here: nothing is read for what could lift nothing.
    if lifts_nothing {
        return Ok(None);
    }
    let files = ledger.statements(environment).await?;
    let mut retries = files
        .into_iter()
        .filter_map(|file| Some((file.sha256, file.content.ok()?)))
        .filter(|(_, said)| said.verb == Verb::Retry)
        .peekable();
    if retries.peek().is_none() {
        return Ok(None);
    }
    let rollouts = ledger.rollouts(environment).await?;
    let handled: BTreeSet<&str> = rollouts
        .iter()
        .flat_map(|rollout| &rollout.statements)
        .map(|handled| handled.sha256.as_str())
        .collect();
    let mut newest = rollouts.first().cloned();
    let mut noted = false;
    // Without any record of what was heard, a word from before a block may have been used up.
    let skew = newest.as_ref().map_or(Duration::ZERO, |_| SKEW);
    for (sha256, said) in retries {
        if handled.contains(sha256.as_str()) {
            continue;
        }
        // What was blocked after it was said is not what it was about.
        let meant = |rollout: &RolloutId, since: Timestamp| {
            said.rollout.as_ref().is_none_or(|id| id == rollout) && since <= said.at + skew
        };
        let before = blocked.clone();
        blocked
            .blocks
            .retain(|block| !meant(&block.rollout, block.since));
        for entry in &mut blocked.untouched {
            let since = entry.until.map(|until| until - retry_pause(entry.tries));
            if since.is_some_and(|since| meant(&entry.rollout, since)) {
                entry.until = None;
            }
        }
        if *blocked == before {
            continue;
        }
        if let Some(rollout) = &mut newest {
            noted = true;
            rollout.statements.push(HandledStatement {
                sha256,
                verb: said.verb,
                by: said.by,
                result: "done".to_owned(),
                reason: "blocks are lifted".to_owned(),
            });
        }
    }
    Ok(newest.filter(|_| noted))
}
