//! People's words: looked for at every wave boundary and in a running wave.

use crate::model::ledger::{BlockedRecord, RolloutState};

use super::super::error::DispatchError;
use super::super::state::{Lift, RolloutEvent};
use super::Dispatcher;

impl Dispatcher<'_> {
    /// Takes the statements that are there, as last fetched. What they change is recorded with the
    /// next commit.
    pub(super) async fn hear(&mut self) -> Result<(), DispatchError> {
        let environment = self.rollout.record().environment.clone();
        let files = self.controller.ledger.statements(&environment).await?;
        for file in files {
            if self.rollout.record().state.is_over() {
                break;
            }
            let Some(heard) = self.rollout.hear(&file) else {
                continue;
            };
            let accepts = !heard.accepted.is_empty();
            let by = heard.handled.by.clone();
            self.rollout.apply(RolloutEvent::Heard {
                handled: heard.handled,
                accepted: heard.accepted,
            });
            if let Some(lift) = heard.lift {
                let own = self.rollout.id().clone();
                let blocked = self.books.blocked_mut();
                lift_blocks(blocked, |rollout| match lift {
                    Lift::Everything => true,
                    Lift::Own => *rollout == own,
                });
            }
            if heard.ends {
                self.stand(RolloutState::Failed, format!("ended by retry of {by}"));
                break;
            }
            if accepts {
                self.stand(RolloutState::Running, String::new());
            }
            if accepts || self.rollout.is_aborted() {
                self.settle_blocks();
            }
        }
        Ok(())
    }
}

/// Lifts blocks and `until`s of the rollouts that `of` names.
fn lift_blocks(blocked: &mut BlockedRecord, of: impl Fn(&crate::model::id::RolloutId) -> bool) {
    blocked.blocks.retain(|block| !of(&block.rollout));
    for entry in &mut blocked.untouched {
        if of(&entry.rollout) {
            entry.until = None;
        }
    }
}
