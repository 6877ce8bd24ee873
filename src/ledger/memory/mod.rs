//! A strict ledger in memory, for simulations of whole rollouts with several controllers.
//!
//! It owns the list of commits and the fates of pushes. It must not be kinder than the real one:
//! a reader sees what it fetched last, a push whose answer is lost stays unclear, and a commit
//! that breaks protocol §2 panics ([`records`]). A clone is another controller of the same ledger;
//! it starts with what the original had fetched and knows nothing of its unclear pushes.
//! The function that decides fates runs while the ledger is locked: it may not call it.

mod records;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{Committed, Ledger, LedgerError, LedgerMark, statement as form};
use crate::model::id::{EnvironmentName, Revision, RolloutId};
use crate::model::ledger::{EnvironmentLedger, LedgerCommit, RolloutLedger, RolloutRecord, Write};
use crate::model::statement::{Statement, StatementFile};
use crate::model::time::Timestamp;
use records::Records;

const REMOTE: &str = "memory";
const BRANCH: &str = "fleet/observed";

/// See the module.
pub struct MemoryLedger {
    world: Arc<Mutex<World>>,
    controller: Mutex<Controller>,
    latency: Duration,
}

/// A commit that is in.
#[derive(Clone, Debug)]
pub struct MemoryCommit {
    /// Its id.
    pub revision: Revision,
    /// Which environment it belongs to.
    pub environment: EnvironmentName,
    /// First line of its message.
    pub subject: String,
    /// Last lines of it.
    pub trailers: Vec<(&'static str, String)>,
    /// What it wrote.
    pub writes: Vec<Write>,
    /// When, by its controller's clock.
    pub at: Timestamp,
}

/// What becomes of a push.
#[derive(Clone, Debug, Default)]
pub enum PushFate {
    /// It arrives, and so does its answer.
    #[default]
    Accept,
    /// The remote is out of reach: nothing is in.
    Unreachable,
    /// It is in, and its answer is lost.
    AnswerLost,
    /// A hook says no: nothing is in.
    Reject,
    /// A foreign commit on the same environment, with these writes, comes first.
    LoseTo(Vec<Write>),
}

type Decide = Box<dyn FnMut(&LedgerCommit) -> PushFate + Send>;

#[derive(Default)]
struct World {
    branch: Branch,
    commits: Vec<MemoryCommit>,
    /// Ids are never given twice, not even after a rewrite.
    made: u64,
    next_pushes: VecDeque<PushFate>,
    push: Option<Decide>,
    failing_fetches: u32,
    down: bool,
}

/// What a fetch brings.
#[derive(Clone, Default)]
struct Branch {
    tip: Option<Revision>,
    environments: BTreeMap<EnvironmentName, Arc<Records>>,
    statements: Vec<StatementFile>,
}

#[derive(Default)]
struct Controller {
    view: Branch,
    unclear: Vec<Unclear>,
}

/// A commit of this controller's whose answer was lost.
struct Unclear {
    environment: EnvironmentName,
    base: Option<Revision>,
    before: Arc<Records>,
    commit: Revision,
}

impl Default for MemoryLedger {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for MemoryLedger {
    fn clone(&self) -> Self {
        let view = self.controller().view.clone();
        let unclear = Vec::new();
        Self {
            world: Arc::clone(&self.world),
            controller: Mutex::new(Controller { view, unclear }),
            latency: self.latency,
        }
    }
}

impl MemoryLedger {
    /// An empty ledger.
    pub fn new() -> Self {
        Self {
            world: Arc::default(),
            controller: Mutex::default(),
            latency: Duration::ZERO,
        }
    }

    /// Lets every call to the remote take this long, half before and half after it has acted: a
    /// controller dropped in the second half has written something and does not know.
    #[must_use]
    pub fn with_latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Everything that is in, oldest first.
    pub fn commits(&self) -> Vec<MemoryCommit> {
        self.world().commits.clone()
    }

    /// What the remote has of an environment by now, fetched or not.
    pub fn now(&self, environment: &EnvironmentName) -> EnvironmentLedger {
        self.world().branch.read(environment)
    }

    /// One rollout as the remote has it by now, fetched or not.
    pub fn rollout_now(
        &self,
        environment: &EnvironmentName,
        id: &RolloutId,
    ) -> Option<RolloutLedger> {
        self.world().branch.records(environment).rollout(id)
    }

    /// The fate of the next push of any controller; several are used up in this order.
    pub fn next_push(&self, fate: PushFate) {
        self.world().next_pushes.push_back(fate);
    }

    /// Decides the pushes that [`Self::next_push`] does not.
    pub fn pushes(&self, decide: impl FnMut(&LedgerCommit) -> PushFate + Send + 'static) {
        self.world().push = Some(Box::new(decide));
    }

    /// Lets so many fetches find nobody.
    pub fn fail_fetches(&self, fetches: u32) {
        self.world().failing_fetches = fetches;
    }

    /// Makes every call to the remote fail as unreachable, or no longer.
    pub fn set_down(&self, down: bool) {
        self.world().down = down;
    }

    /// Commits as somebody else would, on the remote's tip.
    ///
    /// # Panics
    /// The writes break the protocol.
    pub fn commit_as_another(
        &self,
        environment: &EnvironmentName,
        subject: &str,
        writes: Vec<Write>,
        at: Timestamp,
    ) -> Revision {
        let mut world = self.world();
        world.foreign(environment, subject, writes, at)
    }

    /// Takes the newest commits off the branch, as a person with `push --force` would.
    pub fn rewrite(&self, commits: usize) {
        let mut world = self.world();
        let keep = world.commits.len().saturating_sub(commits);
        let kept: Vec<MemoryCommit> = world.commits.drain(..).take(keep).collect();
        let statements = std::mem::take(&mut world.branch.statements);
        world.branch = Branch {
            statements,
            ..Branch::default()
        };
        for commit in kept {
            world.branch.apply(&commit);
            world.commits.push(commit);
        }
    }

    /// Puts a file on the statements' branch, whatever is in it.
    pub fn put_statement(&self, path: &str, bytes: &[u8]) {
        self.world().put(form::file(path.to_owned(), bytes));
    }

    fn world(&self) -> MutexGuard<'_, World> {
        // An illegal commit panics before anything of it is applied.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn controller(&self) -> MutexGuard<'_, Controller> {
        self.controller
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// One call to the remote, which acts in the middle of it.
    async fn call<T: Send>(
        &self,
        act: impl FnOnce(&mut World, &mut Controller) -> Result<T, LedgerError> + Send,
    ) -> Result<T, LedgerError> {
        self.half().await;
        let result = {
            let mut world = self.world();
            if world.down {
                Err(unreachable())
            } else {
                act(&mut world, &mut self.controller())
            }
        };
        self.half().await;
        result
    }

    async fn half(&self) {
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency / 2).await;
        }
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn fetch(&self) -> Result<(), LedgerError> {
        self.call(|world, controller| {
            if world.failing_fetches > 0 {
                world.failing_fetches -= 1;
                return Err(unreachable());
            }
            world.check_descent(&controller.view)?;
            controller.view = world.branch.clone();
            Ok(())
        })
        .await
    }

    async fn accept(&self) -> Result<(), LedgerError> {
        self.call(|world, controller| {
            controller.view = world.branch.clone();
            Ok(())
        })
        .await
    }

    async fn read(&self, environment: &EnvironmentName) -> Result<EnvironmentLedger, LedgerError> {
        Ok(self.controller().view.read(environment))
    }

    async fn mark(&self, environment: &EnvironmentName) -> Result<LedgerMark, LedgerError> {
        let view = &self.controller().view;
        let said = view.statements.len();
        Ok(LedgerMark {
            tip: view.records(environment).tip.clone(),
            statements: (said > 0).then(|| Revision::new(format!("{said:040x}"))),
        })
    }

    async fn environments(&self) -> Result<Vec<EnvironmentName>, LedgerError> {
        Ok(self
            .controller()
            .view
            .environments
            .keys()
            .cloned()
            .collect())
    }

    async fn rollouts(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Vec<RolloutRecord>, LedgerError> {
        Ok(self.controller().view.records(environment).rollouts())
    }

    async fn rollout(
        &self,
        environment: &EnvironmentName,
        id: &RolloutId,
    ) -> Result<Option<RolloutLedger>, LedgerError> {
        Ok(self.controller().view.records(environment).rollout(id))
    }

    async fn commit(&self, commit: &LedgerCommit) -> Result<Committed, LedgerError> {
        self.call(|world, controller| world.commit(controller, commit))
            .await
    }

    async fn statements(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Vec<StatementFile>, LedgerError> {
        let folder = format!("{environment}/");
        let view = &self.controller().view;
        let of_it = view.statements.iter();
        Ok(of_it
            .filter(|file| file.path.starts_with(&folder))
            .cloned()
            .collect())
    }

    async fn state(&self, statement: &Statement) -> Result<StatementFile, LedgerError> {
        let text = form::text(statement)?;
        self.call(|world, controller| {
            world.made += 1;
            let random = u32::try_from(world.made).unwrap_or(u32::MAX);
            let file = form::file(form::path(statement, random), text.as_bytes());
            world.put(file.clone());
            controller.view.statements = world.branch.statements.clone();
            Ok(file)
        })
        .await
    }
}

impl World {
    fn commit(
        &mut self,
        controller: &mut Controller,
        commit: &LedgerCommit,
    ) -> Result<Committed, LedgerError> {
        let fate = match (self.next_pushes.pop_front(), &mut self.push) {
            (Some(fate), _) => fate,
            (None, Some(decide)) => decide(commit),
            (None, None) => PushFate::Accept,
        };
        if matches!(fate, PushFate::Unreachable) {
            return Err(unreachable());
        }
        self.check_descent(&controller.view)?;
        if let PushFate::LoseTo(writes) = &fate {
            let subject = format!("{}: somebody else's", commit.environment);
            self.foreign(&commit.environment, &subject, writes.clone(), commit.at);
        }
        let now = self.branch.records(&commit.environment);
        let Some(before) = controller.decided_on(commit, &now) else {
            controller.view = self.branch.clone();
            return Ok(Committed::Lost(now.tip.clone()));
        };
        if matches!(fate, PushFate::Reject) {
            controller.view = self.branch.clone();
            return Err(LedgerError::Rejected {
                remote: REMOTE.to_owned(),
                branch: BRANCH.to_owned(),
                message: "pre-receive hook declined".to_owned(),
            });
        }
        let revision = self.add(&before, commit);
        if matches!(fate, PushFate::AnswerLost) {
            controller.unclear.push(Unclear {
                environment: commit.environment.clone(),
                base: commit.base.clone(),
                before,
                commit: revision,
            });
            return Err(unreachable());
        }
        controller.view = self.branch.clone();
        controller
            .unclear
            .retain(|unclear| unclear.environment != commit.environment);
        Ok(Committed::Accepted(revision))
    }

    fn foreign(
        &mut self,
        environment: &EnvironmentName,
        subject: &str,
        writes: Vec<Write>,
        at: Timestamp,
    ) -> Revision {
        let before = self.branch.records(environment);
        let commit = LedgerCommit {
            environment: environment.clone(),
            base: before.tip.clone(),
            subject: subject.to_owned(),
            trailers: Vec::new(),
            writes,
            at,
        };
        self.add(&before, &commit)
    }

    /// Adds a commit that was decided on `before`.
    fn add(&mut self, before: &Records, commit: &LedgerCommit) -> Revision {
        let now = self.branch.records(&commit.environment);
        if let Err(problem) = records::judge(before, &now, commit) {
            panic!("illegal ledger commit {:?}: {problem}", commit.subject);
        }
        self.made += 1;
        let commit = MemoryCommit {
            revision: Revision::new(format!("{:040x}", self.made)),
            environment: commit.environment.clone(),
            subject: commit.subject.clone(),
            trailers: commit.trailers.clone(),
            writes: commit.writes.clone(),
            at: commit.at,
        };
        self.branch.apply(&commit);
        let revision = commit.revision.clone();
        self.commits.push(commit);
        revision
    }

    fn put(&mut self, file: StatementFile) {
        self.branch.statements.push(file);
        self.branch.statements.sort_by(|a, b| a.path.cmp(&b.path));
    }

    fn check_descent(&self, view: &Branch) -> Result<(), LedgerError> {
        match &view.tip {
            Some(seen) if !self.commits.iter().rev().any(|c| c.revision == *seen) => {
                Err(LedgerError::Rewritten {
                    branch: BRANCH.to_owned(),
                    seen: seen.clone(),
                })
            }
            _ => Ok(()),
        }
    }
}

impl Controller {
    /// What a commit was decided on: what is there, or where what is there are only own commits
    /// that were unclear, what was there before them. None: somebody else was first.
    fn decided_on(&self, commit: &LedgerCommit, now: &Arc<Records>) -> Option<Arc<Records>> {
        let mut decided = Arc::clone(now);
        while decided.tip != commit.base {
            let ours = self.unclear.iter().find(|unclear| {
                unclear.environment == commit.environment
                    && Some(&unclear.commit) == decided.tip.as_ref()
            })?;
            decided = Arc::clone(&ours.before);
            if ours.base == commit.base {
                break;
            }
        }
        Some(decided)
    }
}

impl Branch {
    fn records(&self, environment: &EnvironmentName) -> Arc<Records> {
        self.environments
            .get(environment)
            .cloned()
            .unwrap_or_default()
    }

    fn read(&self, environment: &EnvironmentName) -> EnvironmentLedger {
        let records = self.records(environment);
        EnvironmentLedger {
            tip: records.tip.clone(),
            ledger_revision: self.tip.clone(),
            hosts: records.hosts.clone(),
            environment: records.environment.clone(),
            blocked: records.blocked.clone(),
            open: records
                .environment
                .open
                .as_ref()
                .and_then(|id| records.rollout(id)),
        }
    }

    fn apply(&mut self, commit: &MemoryCommit) {
        self.tip = Some(commit.revision.clone());
        let records = self
            .environments
            .entry(commit.environment.clone())
            .or_default();
        let records = Arc::make_mut(records);
        records.tip = Some(commit.revision.clone());
        for write in &commit.writes {
            records.apply(write);
        }
    }
}

fn unreachable() -> LedgerError {
    LedgerError::Unreachable {
        remote: REMOTE.to_owned(),
        message: "the test says so".to_owned(),
    }
}
