//! How far commands are, for the fewest calls: one ListCommands page tells the counts of 50
//! commands, and the answers of a command are fetched once, when all of them are there.
//!
//! In between they are fetched only where the counts have changed, and seldom: people like to see
//! hosts finish, and 65 calls for 1,000 hosts are better than 6,000 (ssm.md §6).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_ssm::types::Command;

use super::client::Caller;
use super::find::Listing;
use super::results;
use crate::model::id::{CommandId, InstanceId};
use crate::model::task::{Answer, SentCommand};
use crate::transport::TransportError;

/// Other people's commands stand in the same list. After so many pages one's own are asked for one
/// by one, and the list is left alone for a while.
const MAX_PAGES: usize = 3;
const CROWDED: Duration = Duration::from_secs(60);

/// Answers of a command that is under way are fetched at most this often ...
const PARTIAL: Duration = Duration::from_secs(5);
/// ... and those of all commands together at most once in this time.
const PARTIAL_SHARE: Duration = Duration::from_secs(1);

/// `InvokedAfter` is by the service's clock, which may be a minute off (protocol §2), and the list
/// may round.
const MARGIN: Duration = Duration::from_secs(120);

/// Nobody has asked about such a command for so long: its answers need not be kept.
const FORGET: Duration = Duration::from_secs(3_600);

/// What is known of commands.
#[derive(Default)]
pub(super) struct Progress(Mutex<Known>);

#[derive(Default)]
struct Known {
    commands: BTreeMap<CommandId, Track>,
    /// Until when the list is left alone.
    crowded_until: Duration,
}

/// What is known of one command.
struct Track {
    expected: BTreeSet<InstanceId>,
    answers: BTreeMap<InstanceId, Answer>,
    /// By the list; none where it did not show the command.
    counts: Option<Counts>,
    /// What the counts were when the answers were fetched.
    fetched: Option<Counts>,
    /// When that was, or when the command was first asked about.
    fetched_at: Duration,
    asked_at: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    /// Instances that are done.
    completed: usize,
    /// The service calls the command ended. It does so for reasons of its own, so this is no more
    /// than a reason to look.
    ended: bool,
}

impl Progress {
    /// See [`crate::transport::Transport::poll`].
    pub(super) async fn poll(
        &self,
        caller: &Caller,
        commands: &[SentCommand],
    ) -> Result<Vec<Answer>, TransportError> {
        let now = caller.clock.monotonic();
        let open = self.open(commands, now);
        if !open.is_empty() {
            self.count(caller, &open, now).await?;
            for command in self.due(&open, now) {
                self.fetch(caller, command, now).await?;
            }
        }
        let known = self.known();
        let tracks = commands
            .iter()
            .filter_map(|c| known.commands.get(&c.command));
        Ok(tracks
            .flat_map(|track| track.answers.values().cloned())
            .collect())
    }

    /// Those of which an answer is still missing.
    fn open<'a>(&self, commands: &'a [SentCommand], now: Duration) -> Vec<&'a SentCommand> {
        let mut known = self.known();
        for command in commands {
            let track = known.commands.entry(command.command.clone());
            track.or_insert_with(|| Track::new(command, now)).asked_at = now;
        }
        known
            .commands
            .retain(|_, track| now.saturating_sub(track.asked_at) < FORGET);
        let is_open = |command: &&SentCommand| {
            let track = known.commands.get(&command.command);
            track.is_some_and(|track| !track.is_done())
        };
        commands.iter().filter(is_open).collect()
    }

    /// Brings the counts of commands up to date.
    async fn count(
        &self,
        caller: &Caller,
        open: &[&SentCommand],
        now: Duration,
    ) -> Result<(), TransportError> {
        let mut unseen: BTreeSet<&str> = open.iter().map(|c| c.command.as_str()).collect();
        let mut seen = BTreeMap::new();
        if self.known().crowded_until <= now {
            let since = open.iter().map(|command| command.sent_at).min();
            let since = since.unwrap_or_else(|| caller.clock.now()) - MARGIN;
            let mut listing = Listing::since(caller, since);
            let mut pages = 0;
            while !unseen.is_empty() && pages < MAX_PAGES {
                let Some(page) = listing.next().await? else {
                    break;
                };
                pages += 1;
                for command in page {
                    let id = command.command_id().unwrap_or_default();
                    if unseen.remove(id) {
                        seen.insert(CommandId::from(id), Counts::of(&command));
                    }
                }
            }
            if pages == MAX_PAGES && !unseen.is_empty() {
                self.known().crowded_until = now + CROWDED;
            }
        }
        let mut known = self.known();
        for command in open {
            if let Some(track) = known.commands.get_mut(&command.command) {
                track.counts = seen.get(&command.command).copied();
            }
        }
        Ok(())
    }

    /// Those whose answers are worth a call now.
    fn due<'a>(&self, open: &[&'a SentCommand], now: Duration) -> Vec<&'a SentCommand> {
        let share = PARTIAL_SHARE.saturating_mul(u32::try_from(open.len()).unwrap_or(u32::MAX));
        let interval = PARTIAL.max(share);
        let known = self.known();
        let is_due = |command: &&&SentCommand| {
            let track = known.commands.get(&command.command);
            track.is_some_and(|track| track.is_due(now, interval))
        };
        open.iter().filter(is_due).copied().collect()
    }

    async fn fetch(
        &self,
        caller: &Caller,
        command: &SentCommand,
        now: Duration,
    ) -> Result<(), TransportError> {
        let missing = |id: &InstanceId| {
            let known = self.known();
            let track = known.commands.get(&command.command);
            track.is_some_and(|track| !track.answers.contains_key(id))
        };
        let mut answers = BTreeMap::new();
        for invocation in results::invocations(caller, &command.command).await? {
            let id = InstanceId::from(invocation.instance_id().unwrap_or_default());
            if !missing(&id) {
                continue;
            }
            if let Some(content) =
                results::content(caller, &command.command, &id, &invocation).await?
            {
                let answer = Answer {
                    command: command.command.clone(),
                    instance: id.clone(),
                    content,
                };
                answers.insert(id, answer);
            }
        }
        if let Some(track) = self.known().commands.get_mut(&command.command) {
            track.answers.extend(answers);
            track.fetched = track.counts;
            track.fetched_at = now;
        }
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Track {
    fn new(command: &SentCommand, now: Duration) -> Self {
        Self {
            expected: command.instances.iter().cloned().collect(),
            answers: BTreeMap::new(),
            counts: None,
            fetched: None,
            fetched_at: now,
            asked_at: now,
        }
    }

    fn is_done(&self) -> bool {
        self.expected.iter().all(|id| self.answers.contains_key(id))
    }

    fn is_due(&self, now: Duration, interval: Duration) -> bool {
        let may_look = now.saturating_sub(self.fetched_at) >= interval;
        match self.counts {
            None => may_look,
            Some(counts) => {
                let changed = self.fetched != Some(counts);
                let complete = counts.completed >= self.expected.len();
                let worthwhile = counts.completed > 0 || counts.ended;
                complete && changed || worthwhile && may_look && (changed || complete)
            }
        }
    }
}

impl Counts {
    fn of(command: &Command) -> Self {
        let status = command.status().map_or("", |status| status.as_str());
        Self {
            completed: usize::try_from(command.completed_count()).unwrap_or_default(),
            ended: !matches!(status, "" | "Pending" | "InProgress" | "Cancelling"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(5);

    fn track(completed: usize, fetched: Option<usize>) -> Track {
        let counts = |completed| Counts {
            completed,
            ended: false,
        };
        Track {
            expected: ["i-0000000a", "i-0000000b"].map(InstanceId::from).into(),
            answers: BTreeMap::new(),
            counts: Some(counts(completed)),
            fetched: fetched.map(counts),
            fetched_at: Duration::ZERO,
            asked_at: Duration::ZERO,
        }
    }

    #[test]
    fn answers_are_fetched_when_they_are_all_there_and_seldom_before() {
        for (completed, fetched, soon, later) in [
            (0, None, false, false),
            (1, None, false, true),
            (1, Some(1), false, false),
            (2, None, true, true),
            (2, Some(1), true, true),
            // All done by the counts, but the list still lacked one.
            (2, Some(2), false, true),
        ] {
            let track = track(completed, fetched);
            let due = |seconds| track.is_due(Duration::from_secs(seconds), INTERVAL);
            assert_eq!((due(1), due(5)), (soon, later), "{completed} {fetched:?}");
        }
    }

    #[test]
    fn what_the_list_does_not_show_is_looked_at_seldom() {
        let track = Track {
            counts: None,
            ..track(0, None)
        };
        assert!(!track.is_due(Duration::from_secs(4), INTERVAL));
        assert!(track.is_due(Duration::from_secs(5), INTERVAL));
    }
}
