//! People's words: looked for at every wave boundary and in a running wave.

use std::collections::BTreeSet;

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
        let mut elsewhere = None;
        for file in files {
            if self.rollout.record().state.is_over() {
                break;
            }
            let Some(heard) = self.rollout.hear(&file) else {
                continue;
            };
            // Clocks differ, so a word from just before this rollout may be about it; but a word
            // that began it, or that another one has answered, is used up.
            let answered = match &mut elsewhere {
                Some(answered) => answered,
                none => none.insert(self.answered_elsewhere().await?),
            };
            if answered.contains(&file.sha256) {
                continue;
            }
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

    /// What other rollouts of the environment have made of people's words: sha256 of each.
    async fn answered_elsewhere(&self) -> Result<BTreeSet<String>, DispatchError> {
        let record = self.rollout.record();
        let ledger = self.controller.ledger;
        let rollouts = ledger.rollouts(&record.environment).await?;
        let others = rollouts.into_iter().filter(|other| other.id != record.id);
        let answered = others.flat_map(|other| other.statements);
        Ok(answered.map(|handled| handled.sha256).collect())
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
