//! The daemon: one supervisor of all environments (design.md §10).
//!
//! It owns when a pass is made, and nothing of what a pass does: that is [`crate::reconcile`]'s. Who
//! wakes it tells it nothing; it asks git once ([`sight`]), compares with what each environment's
//! last pass was made on, and makes the passes that are due, at most one per environment at a time.
//! What a wake-up means for an environment whose pass is running is kept until that pass is over,
//! for its mark differs then.
//!
//! | module | owns |
//! |---|---|
//! | [`sight`] | what git says: one question for all environments |
//! | [`supervisor`] | the loop: looks, passes, stopping |
//! | [`again`] | when a pass must be made again although nothing moved |
//! | [`quiet`] | what is not said a second time |
//!
//! Clock, chance, ledger, desired commits, the way to hosts and the words to a person are
//! parameters, so that a simulation drives days of it in moments.

mod again;
mod quiet;
mod sight;
mod supervisor;

use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::ledger::Ledger;
use crate::model::clock::{Clock, Random};
use crate::model::id::{EnvironmentName, Revision};
use crate::reconcile::{Pass, ReconcileError};
use crate::rollout::{Controller, DesiredSource};

/// What a daemon gets from outside.
pub struct Daemon<'a, S> {
    /// The way to hosts and to people.
    pub site: &'a S,
    /// The record.
    pub ledger: &'a dyn Ledger,
    /// Desired commits.
    pub desired: &'a dyn DesiredSource,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Jitter.
    pub random: &'a dyn Random,
    /// Wakes it: something may have moved.
    pub wake: &'a Notify,
    /// Turns true when it shall record and leave.
    pub stop: watch::Receiver<bool>,
    /// It looks at least so often while git answers.
    pub interval: Duration,
}

/// The way to hosts and to people.
#[expect(
    async_fn_in_trait,
    reason = "one thread drives all passes, so nothing of them needs to be Send"
)]
pub trait Site: Sync {
    /// Gives an environment's controller to some work.
    ///
    /// # Errors
    /// There is no way to its hosts; in words for a person.
    async fn with<T>(
        &self,
        environment: &EnvironmentName,
        work: impl AsyncFnOnce(&Controller<'_>) -> T,
    ) -> Result<T, String>;

    /// An error in words for a person.
    fn words(&self, error: ReconcileError) -> String;

    /// Takes what the daemon has decided. What happens in rollouts goes to the controller's events.
    fn tell(&self, said: Said<'_>);
}

/// What the daemon says.
#[derive(Clone, Copy, Debug)]
pub enum Said<'a> {
    /// Git was read for the first time.
    Watching {
        /// Environments of the desired commit, invalid ones too.
        environments: usize,
        /// The desired commit.
        revision: &'a Revision,
    },
    /// The desired commit is another one.
    Moved {
        /// Which.
        revision: &'a Revision,
    },
    /// Git gives no answer that can be worked with. Said once.
    Blind {
        /// Why, in words.
        words: &'a str,
    },
    /// Git answers again.
    Sees,
    /// An environment is not valid; nothing is planned there until it is.
    Invalid {
        /// Which.
        environment: &'a EnvironmentName,
        /// At which commit.
        revision: &'a Revision,
    },
    /// An environment is valid again.
    Valid {
        /// Which.
        environment: &'a EnvironmentName,
    },
    /// A pass could not be made; it is tried again. Said once per reason.
    Trouble {
        /// Of which environment.
        environment: &'a EnvironmentName,
        /// Why, in words.
        words: &'a str,
    },
    /// A pass is over.
    Passed {
        /// Of which environment.
        environment: &'a EnvironmentName,
        /// How.
        pass: &'a Pass,
        /// It wrote the ledger.
        wrote: bool,
    },
}

impl<S: Site> Daemon<'_, S> {
    /// Looks after all environments until it is told to stop; then every pass records where it
    /// stands and leaves, and what was sent goes on at the hosts.
    pub async fn run(&self) {
        supervisor::Supervisor::new(self).run().await;
    }
}
