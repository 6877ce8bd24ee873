//! The loop: it looks, makes the passes that are due, and stops.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use crate::ledger::LedgerMark;
use crate::model::event::{Event, EventKind};
use crate::model::id::{EnvironmentName, Revision};
use crate::model::ledger::RolloutState;
use crate::reconcile::{self, ApplyOptions, Pass, ReconcileError};
use crate::rollout::Controller;

use super::quiet::Quiet;
use super::sight::{Mark, Sight, Standing, look};
use super::{Daemon, Said, Site, again};

type Local<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

pub(super) struct Supervisor<'a, S> {
    daemon: &'a Daemon<'a, S>,
    environments: BTreeMap<EnvironmentName, Watched>,
    passes: FuturesUnordered<Local<'a, Done>>,
    /// A look that is under way.
    look: Option<Local<'a, Result<Sight, ReconcileError>>>,
    /// Something woke it meanwhile: that look may have come too early.
    look_again: bool,
    next_look: Duration,
    /// Looks in a row that showed nothing.
    blind: u32,
    revision: Arc<Mutex<Option<Revision>>>,
}

/// What the supervisor knows of an environment.
struct Watched {
    standing: Standing,
    /// As last seen.
    mark: Mark,
    /// What its last pass was made on.
    passed: Option<Mark>,
    is_running: bool,
    /// The pass that runs follows one that wrote: it is the last for now.
    is_repeat: bool,
    /// From when on a pass is due though nothing moved.
    due: Option<Duration>,
    /// Passes in a row that could not be made.
    failures: u32,
    trouble: Option<String>,
    quiet: Arc<Mutex<Quiet>>,
}

/// What was said already.
struct Told {
    quiet: Arc<Mutex<Quiet>>,
    /// The desired commit.
    revision: Arc<Mutex<Option<Revision>>>,
}

/// How a pass came back.
struct Done {
    environment: EnvironmentName,
    /// None where nothing had to be done.
    result: Result<Option<Pass>, String>,
    /// Where the ledger stands after it; none where that could not be read.
    ledger: Option<LedgerMark>,
}

impl<'a, S: Site> Supervisor<'a, S> {
    pub(super) fn new(daemon: &'a Daemon<'a, S>) -> Self {
        Self {
            daemon,
            environments: BTreeMap::new(),
            passes: FuturesUnordered::new(),
            look: None,
            look_again: false,
            next_look: daemon.clock.monotonic(),
            blind: 0,
            revision: Arc::default(),
        }
    }

    pub(super) async fn run(mut self) {
        let daemon = self.daemon;
        let mut stop = daemon.stop.clone();
        let mut stopping = false;
        loop {
            if stopping && self.passes.is_empty() {
                return;
            }
            let until_look = self.next_look.saturating_sub(daemon.clock.monotonic());
            tokio::select! {
                Some(done) = self.passes.next() => self.done(done, stopping),
                sight = seen(&mut self.look), if self.look.is_some() => {
                    self.look = None;
                    self.looked(sight);
                }
                () = daemon.wake.notified(), if !stopping => self.begin_look(),
                () = tokio::time::sleep(until_look), if !stopping && self.look.is_none() => {
                    self.begin_look();
                }
                // A sender that is gone will never stop us.
                Ok(_) = stop.wait_for(|stop| *stop), if !stopping => {
                    stopping = true;
                    self.look = None;
                }
            }
        }
    }

    fn begin_look(&mut self) {
        if self.look.is_some() {
            self.look_again = true;
            return;
        }
        let (ledger, desired) = (self.daemon.ledger, self.daemon.desired);
        self.look = Some(Box::pin(look(ledger, desired)));
    }

    fn looked(&mut self, sight: Result<Sight, ReconcileError>) {
        let Daemon {
            site,
            clock,
            random,
            interval,
            ..
        } = self.daemon;
        match sight {
            Ok(sight) => {
                if std::mem::take(&mut self.blind) > 0 {
                    site.tell(Said::Sees);
                }
                self.next_look = clock.monotonic() + random.jitter(*interval);
                self.see(sight);
                self.start_due();
            }
            Err(error) => {
                if self.blind == 0 {
                    let words = site.words(error);
                    site.tell(Said::Blind { words: &words });
                }
                self.blind += 1;
                let pause = again::back_off(*interval, self.blind);
                self.next_look = clock.monotonic() + random.jitter(pause);
            }
        }
        if std::mem::take(&mut self.look_again) {
            self.begin_look();
        }
    }

    fn see(&mut self, sight: Sight) {
        let site = self.daemon.site;
        let revision = &sight.revision;
        let manifest = sight.environments.values();
        let environments = manifest.filter(|(it, _)| *it != Standing::Gone).count();
        match replace(&self.revision, revision) {
            None => site.tell(Said::Watching {
                environments,
                revision,
            }),
            Some(before) if before != *revision => site.tell(Said::Moved { revision }),
            Some(_) => {}
        }
        for (environment, (standing, mark)) in sight.environments {
            let before = self.environments.get(&environment).map(|it| it.standing);
            match (before, standing) {
                (Some(Standing::Invalid), Standing::Invalid) => {}
                (_, Standing::Invalid) => site.tell(Said::Invalid {
                    environment: &environment,
                    revision,
                }),
                (Some(Standing::Invalid), Standing::Valid) => site.tell(Said::Valid {
                    environment: &environment,
                }),
                _ => {}
            }
            match self.environments.entry(environment) {
                Entry::Occupied(known) => {
                    let known = known.into_mut();
                    (known.standing, known.mark) = (standing, mark);
                }
                Entry::Vacant(new) => {
                    new.insert(Watched::new(standing, mark));
                }
            }
        }
    }

    fn start_due(&mut self) {
        let now = self.daemon.clock.monotonic();
        let due: Vec<EnvironmentName> = self
            .environments
            .iter()
            .filter(|(_, watched)| watched.is_due(now))
            .map(|(name, _)| name.clone())
            .collect();
        for name in due {
            self.start(name, false);
        }
    }

    fn start(&mut self, environment: EnvironmentName, is_repeat: bool) {
        let Some(watched) = self.environments.get_mut(&environment) else {
            return;
        };
        watched.is_running = true;
        watched.is_repeat = is_repeat;
        watched.passed = Some(watched.mark.clone());
        watched.due = None;
        let (daemon, standing) = (self.daemon, watched.standing);
        let told = Told {
            quiet: Arc::clone(&watched.quiet),
            revision: Arc::clone(&self.revision),
        };
        self.passes.push(Box::pin(async move {
            let result = pass(daemon, &environment, standing, &told).await;
            lock(&told.quiet).end();
            Done {
                ledger: daemon.ledger.mark(&environment).await.ok(),
                environment,
                result,
            }
        }));
    }

    fn done(&mut self, done: Done, stopping: bool) {
        let Daemon {
            site,
            clock,
            interval,
            ..
        } = self.daemon;
        let Some(watched) = self.environments.get_mut(&done.environment) else {
            return;
        };
        watched.is_running = false;
        let mut wrote = false;
        if let Some(ledger) = done.ledger {
            let before = watched.passed.as_ref().map(|mark| &mark.ledger.tip);
            wrote = before != Some(&ledger.tip);
            watched.mark.ledger = ledger;
        }
        match done.result {
            Ok(pass) => {
                watched.failures = 0;
                watched.trouble = None;
                if let Some(pass) = &pass {
                    let pause = again::after(pass, clock.now());
                    watched.due = pause.map(|pause| clock.monotonic() + pause);
                    site.tell(Said::Passed {
                        environment: &done.environment,
                        pass,
                        wrote,
                    });
                }
            }
            Err(words) => {
                watched.failures += 1;
                let pause = again::back_off(*interval, watched.failures);
                watched.due = Some(clock.monotonic() + pause);
                if watched.trouble.as_ref() != Some(&words) {
                    site.tell(Said::Trouble {
                        environment: &done.environment,
                        words: &words,
                    });
                    watched.trouble = Some(words);
                }
            }
        }
        // What it wrote, or what came while it ran, is looked at at once; but only once in a row.
        let moved = watched.passed.as_ref() != Some(&watched.mark);
        if moved && !stopping && !watched.is_repeat && watched.failures == 0 {
            self.start(done.environment, true);
        }
    }
}

impl Watched {
    fn new(standing: Standing, mark: Mark) -> Self {
        Self {
            standing,
            mark,
            passed: None,
            is_running: false,
            is_repeat: false,
            due: None,
            failures: 0,
            trouble: None,
            quiet: Arc::default(),
        }
    }

    fn is_due(&self, now: Duration) -> bool {
        let is_over = self.due.is_some_and(|due| due <= now);
        !self.is_running && (is_over || self.passed.as_ref() != Some(&self.mark))
    }
}

async fn seen<T>(look: &mut Option<Local<'_, T>>) -> T {
    match look {
        Some(look) => look.await,
        None => std::future::pending().await,
    }
}

/// One pass. Where the manifest says nothing of an environment, only what is open there is brought
/// to the next boundary between waves.
async fn pass<S: Site>(
    daemon: &Daemon<'_, S>,
    environment: &EnvironmentName,
    standing: Standing,
    told: &Told,
) -> Result<Option<Pass>, String> {
    let words = |error| daemon.site.words(error);
    if standing != Standing::Valid {
        let ledger = daemon.ledger.read(environment).await;
        let ledger = ledger.map_err(|error| words(error.into()))?;
        let is_under_way = ledger
            .open
            .is_some_and(|open| open.record.state != RolloutState::Waiting);
        if !is_under_way {
            return Ok(None);
        }
    }
    let work = async |controller: &Controller<'_>| {
        let events = |event: Event| {
            // A pass asks git itself, and may be ahead of the looks.
            if let EventKind::Planned { revision, .. } = &event.kind
                && replace(&told.revision, revision).as_ref() != Some(revision)
            {
                daemon.site.tell(Said::Moved { revision });
            }
            for event in lock(&told.quiet).take(event) {
                (controller.events)(event);
            }
        };
        let controller = Controller {
            events: &events,
            ..controller.clone()
        };
        reconcile::apply(&controller, environment, &ApplyOptions::default()).await
    };
    match daemon.site.with(environment, work).await? {
        Ok(pass) => Ok(Some(pass)),
        // Its manifest changed since the look, which comes again.
        Err(ReconcileError::Invalid { .. } | ReconcileError::NoEnvironment { .. }) => Ok(None),
        Err(error) => Err(words(error)),
    }
}

fn lock<T>(told: &Mutex<T>) -> MutexGuard<'_, T> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a commit for the one that was told of last; gives the one before.
fn replace(told: &Mutex<Option<Revision>>, revision: &Revision) -> Option<Revision> {
    lock(told).replace(revision.clone())
}
