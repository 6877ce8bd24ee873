//! The compare-and-swap push: an environment's commit is made on the tip that was decided on, or
//! not at all (protocol §2).

use std::sync::PoisonError;
use std::time::Duration;

use super::super::{Committed, LedgerError};
use super::{Inner, Unclear, files, readme};
use crate::git::{BranchCommit, PushOutcome};
use crate::model::id::{EnvironmentName, Revision};
use crate::model::ledger::LedgerCommit;

/// How often a commit is made anew on foreign ones before the race is given up.
const TRIES: u32 = 5;

/// Longest pause between two tries; foreign commits come seconds apart.
const PAUSE: Duration = Duration::from_millis(500);

/// What became of one try.
enum Published {
    /// The commit is in.
    In,
    /// Foreign commits came first, and are fetched by now.
    Late,
    /// The branch is where it was, and yet could not be moved; in git's words.
    Standstill(String),
}

impl Inner {
    pub(super) fn commit(&self, commit: &LedgerCommit) -> Result<Committed, LedgerError> {
        self.land(&commit.environment, commit.base.clone(), &|tip| {
            self.make(commit, tip)
        })
    }

    /// Makes a commit on the branch's tip, if the environment is as it was decided on, and again on
    /// every foreign one that comes first.
    pub(super) fn land(
        &self,
        environment: &EnvironmentName,
        mut base: Option<Revision>,
        make: &dyn Fn(Option<&Revision>) -> Result<Revision, LedgerError>,
    ) -> Result<Committed, LedgerError> {
        // Environments of one process would only take the branch from one another.
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut standstill = None;
        for attempt in 0..=TRIES {
            self.check_descent()?;
            let tip = self.tip()?;
            let there = self.environment_tip(tip.as_ref(), environment)?;
            base = self.own_unclear(environment, base, there.as_ref());
            if there != base {
                return Ok(Committed::Lost(there));
            }
            if attempt > 0 {
                std::thread::sleep(self.random.jitter(PAUSE));
            }
            let made = make(tip.as_ref())?;
            match self.publish(environment, tip.as_ref(), &base, &made)? {
                Published::In => {
                    self.check_descent()?;
                    self.unclear().remove(environment);
                    // A commit without news does not move its environment's tip.
                    let moved = self.environment_tip(Some(&made), environment)?;
                    return Ok(Committed::Accepted(moved.unwrap_or(made)));
                }
                Published::Late => standstill = None,
                Published::Standstill(message) => standstill = Some(message),
            }
        }
        if let Some(message) = standstill {
            return Err(self.rejected(message));
        }
        let tip = self.tip()?;
        Ok(Committed::Lost(
            self.environment_tip(tip.as_ref(), environment)?,
        ))
    }

    /// Makes the branch point at a commit.
    fn publish(
        &self,
        environment: &EnvironmentName,
        tip: Option<&Revision>,
        base: &Option<Revision>,
        made: &Revision,
    ) -> Result<Published, LedgerError> {
        let reference = self.branches.ledger_ref();
        let branch = &self.branches.ledger_branch;
        let Some(remote) = &self.branches.remote else {
            return Ok(
                match self.repository.compare_and_swap(&reference, tip, made)? {
                    true => Published::In,
                    false => Published::Late,
                },
            );
        };
        let outcome = self.repository.push(remote, branch, tip, made)?;
        if outcome == PushOutcome::Accepted {
            self.repository.advance(&reference, made)?;
            return Ok(Published::In);
        }
        if matches!(outcome, PushOutcome::Unclear(_)) {
            self.unclear()
                .entry(environment.clone())
                .or_default()
                .push(Unclear {
                    base: base.clone(),
                    commit: made.clone(),
                });
        }
        // Whatever it was: what the remote has now decides.
        self.fetch()?;
        let now = self.tip()?;
        if let Some(now) = &now
            && self.repository.contains(now, made)?
            && self.environment_tip(Some(now), environment)?
                == self.environment_tip(Some(made), environment)?
        {
            return Ok(Published::In);
        }
        match outcome {
            PushOutcome::Rejected(message) => Err(self.rejected(message)),
            // Somebody writes the branch at this moment, or nobody can: another branch stands for
            // its folder, its lock was left behind.
            PushOutcome::Behind(message) if now.as_ref() == tip => {
                Ok(Published::Standstill(message))
            }
            PushOutcome::Unclear(message) if now.as_ref() == tip => Err(LedgerError::Unreachable {
                remote: remote.clone(),
                message,
            }),
            _ => Ok(Published::Late),
        }
    }

    pub(super) fn rejected(&self, message: String) -> LedgerError {
        let remote = self.branches.remote.as_deref().unwrap_or("none");
        LedgerError::Rejected {
            remote: remote.to_owned(),
            branch: self.branches.ledger_branch.clone(),
            message,
        }
    }

    /// Where the environment's tip is a commit of ours whose push had no clear answer, and that was
    /// made on this base, or on others of that kind that were, it takes the base's place.
    fn own_unclear(
        &self,
        environment: &EnvironmentName,
        base: Option<Revision>,
        there: Option<&Revision>,
    ) -> Option<Revision> {
        let unclear = self.unclear();
        let ours = unclear.get(environment).map_or(&[][..], Vec::as_slice);
        let mut at = there;
        while let Some(found) = ours.iter().find(|ours| Some(&ours.commit) == at) {
            if found.base == base {
                return there.cloned();
            }
            at = found.base.as_ref();
        }
        base
    }

    fn make(&self, commit: &LedgerCommit, tip: Option<&Revision>) -> Result<Revision, LedgerError> {
        if let Some(tip) = tip {
            self.check_format(tip)?;
        }
        let mut changes = Vec::with_capacity(commit.writes.len() + 2);
        for write in &commit.writes {
            changes.push(files::encode(&commit.environment, write)?);
        }
        if tip.is_none() {
            changes.push((files::LEDGER.to_owned(), Some(files::format())));
        }
        if let Some(page) = readme::write(self, commit, tip)? {
            changes.push((readme::PATH.to_owned(), Some(page.into_bytes())));
        }
        let message = message(commit);
        let made = BranchCommit {
            parent: tip,
            files: &changes,
            message: &message,
            at: commit.at,
        };
        Ok(self.repository.commit_on(&made)?)
    }
}

fn message(commit: &LedgerCommit) -> String {
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut message = one_line(&commit.subject);
    message.push('\n');
    if !commit.trailers.is_empty() {
        message.push('\n');
    }
    for (name, value) in &commit.trailers {
        message.push_str(&format!("{name}: {}\n", one_line(value)));
    }
    message
}
