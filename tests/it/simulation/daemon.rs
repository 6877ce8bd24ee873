//! Days of the daemon on a virtual clock: what it does by itself, and what a kill anywhere leaves
//! to the next one.

use std::sync::Mutex;
use std::time::Duration;

use fleet::daemon::{Daemon, Said, Site};
use fleet::ledger::memory::MemoryLedger;
use fleet::model::id::EnvironmentName;
use fleet::model::policy::{BatchSize, Canary, RolloutPolicy, Strategy};
use fleet::reconcile::ReconcileError;
use fleet::rollout::Controller;
use fleet::transport::memory::Behaviour;
use tokio::sync::Notify;

use super::desired::{Wish, instance};
use super::invariants::violations;
use super::world::{Seeded, World};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

struct Ground<'a> {
    world: &'a World,
    ledger: MemoryLedger,
    wake: Notify,
    said: Mutex<Vec<String>>,
}

impl<'a> Ground<'a> {
    fn new(world: &'a World) -> Self {
        Self {
            world,
            ledger: world.ledger.clone(),
            wake: Notify::new(),
            said: Mutex::default(),
        }
    }

    /// Runs a daemon until it is told to stop.
    async fn run(&self) {
        Daemon {
            site: self,
            ledger: &self.ledger,
            desired: &self.world.desired,
            clock: &self.world.clock,
            random: &self.world.random,
            wake: &self.wake,
            stop: self.world.stop.subscribe(),
            interval: MINUTE,
        }
        .run()
        .await;
    }

    /// Runs a daemon beside what happens, and tells it to stop when that is over.
    async fn beside(&self, happens: impl Future<Output = ()>) {
        let happens = async {
            happens.await;
            self.world.stop.send_replace(true);
        };
        tokio::join!(self.run(), happens);
        self.world.stop.send_replace(false);
    }

    fn said(&self) -> Vec<String> {
        std::mem::take(&mut self.said.lock().unwrap())
    }
}

impl Site for Ground<'_> {
    async fn with<T>(
        &self,
        _: &EnvironmentName,
        work: impl AsyncFnOnce(&Controller<'_>) -> T,
    ) -> Result<T, String> {
        Ok(self.world.with("here/1", &self.ledger, work).await)
    }

    fn words(&self, error: ReconcileError) -> String {
        error.to_string()
    }

    fn tell(&self, said: Said<'_>) {
        let said = match said {
            Said::Watching { .. } => "watching".to_owned(),
            Said::Moved { .. } => "moved".to_owned(),
            Said::Blind { words } => format!("blind: {words}"),
            Said::Sees => "sees".to_owned(),
            Said::Trouble { words, .. } => format!("trouble: {words}"),
            Said::Invalid { .. } | Said::Valid { .. } | Said::Passed { .. } => return,
        };
        self.said.lock().unwrap().push(said);
    }
}

fn canary(hosts: usize) -> Wish {
    let policy = RolloutPolicy {
        strategy: Strategy::Canary,
        canary: Canary::Size(BatchSize::Hosts(1)),
        batch: vec![BatchSize::Percent(50)],
        ..RolloutPolicy::default()
    };
    Wish::new(hosts, &[("app", "1.0.0")]).with(policy)
}

fn count(world: &World) -> (usize, usize, usize) {
    let told = world.events.lock().unwrap().len();
    (world.committed().len(), world.sent().len(), told)
}

#[tokio::test(start_paused = true)]
async fn a_day_without_news_is_not_seen_anywhere() {
    let world = World::new(1, &canary(3));
    let ground = Ground::new(&world);
    ground
        .beside(async {
            tokio::time::sleep(10 * MINUTE).await;
            assert_eq!(world.deploys("1.0.0"), 3);
            let before = count(&world);
            tokio::time::sleep(DAY).await;
            assert_eq!(count(&world), before);
        })
        .await;
    assert_eq!(ground.said(), ["watching"]);
}

/// The second push comes while the first one's pass is running: it is neither lost nor early.
#[tokio::test(start_paused = true)]
async fn what_comes_while_a_pass_runs_is_kept_until_it_is_over() {
    let wish = canary(2);
    let world = World::new(1, &wish);
    let pace = Duration::from_secs(200);
    world
        .transport
        .scripts(move |_| Behaviour::default().taking(pace));
    let ground = Ground::new(&world);
    ground
        .beside(async {
            tokio::time::sleep(MINUTE).await;
            world.desired.push(&wish.clone().version("app", "2.0.0"));
            ground.wake.notify_one();
            tokio::time::sleep(20 * MINUTE).await;
        })
        .await;
    assert_eq!(world.deploys("1.0.0"), 1, "the canary's, before the push");
    assert_eq!(world.deploys("2.0.0"), 2);
    assert_eq!(violations(&world), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_remote_that_is_away_for_hours_is_said_once() {
    let wish = canary(2);
    let world = World::new(1, &wish);
    let ground = Ground::new(&world);
    ground
        .beside(async {
            tokio::time::sleep(10 * MINUTE).await;
            world.ledger.set_down(true);
            tokio::time::sleep(300 * MINUTE).await;
            world.desired.push(&wish.clone().version("app", "2.0.0"));
            world.ledger.set_down(false);
            tokio::time::sleep(30 * MINUTE).await;
        })
        .await;
    let said = ground.said();
    assert_eq!(said.len(), 4, "{said:?}");
    assert!(said[1].starts_with("blind: "), "{said:?}");
    assert_eq!(said[2..], ["sees", "moved"]);
    assert_eq!(world.deploys("2.0.0"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_back_is_caught_up_without_a_word() {
    let wish = canary(3);
    let world = World::new(1, &wish);
    let away = instance("web-03");
    let ground = Ground::new(&world);
    ground
        .beside(async {
            tokio::time::sleep(10 * MINUTE).await;
            world.transport.set_online(&away, false);
            world.desired.push(&wish.clone().version("app", "2.0.0"));
            tokio::time::sleep(100 * MINUTE).await;
            assert_eq!(world.deploys("2.0.0"), 2);
            world.transport.set_online(&away, true);
            tokio::time::sleep(10 * MINUTE).await;
        })
        .await;
    assert_eq!(world.deploys("2.0.0"), 3);
}

/// Pushes, hosts that come and go, and a kill at any moment, over a day and more; in the end
/// everything runs what was pushed last, and no invariant was broken on the way.
#[test]
fn days_with_kills_break_no_invariant() {
    for seed in 0..16 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(day(seed));
    }
}

async fn day(seed: u64) {
    let random = Seeded::new(seed ^ 0xda7);
    let hosts = 2 + random.below(4) as usize;
    let mut wish = canary(hosts);
    // A canary that is offline waits for a person.
    wish.policy.strategy = Strategy::Batch;
    let world = World::new(seed, &wish);
    let pace = Duration::from_secs(5 + u64::from(random.below(300)));
    world
        .transport
        .scripts(move |_| Behaviour::default().taking(pace));
    for number in 2..12 {
        if random.chance(60) {
            wish = wish.version("app", &format!("{number}.0.0"));
            world.desired.push(&wish);
        }
        let host = format!("web-{:02}", 1 + random.below(u32::try_from(hosts).unwrap()));
        world
            .transport
            .set_online(&instance(&host), random.chance(50));
        let life = Duration::from_millis(u64::from(random.below(2 * 3_600_000)));
        // Killed, not stopped.
        let _killed = tokio::time::timeout(life, Ground::new(&world).run()).await;
    }
    for host in wish.hosts.keys() {
        world.transport.set_online(&instance(host), true);
    }
    let ground = Ground::new(&world);
    ground.beside(tokio::time::sleep(DAY / 4)).await;
    let wrong = violations(&world);
    assert!(wrong.is_empty(), "seed {seed}:\n{}", wrong.join("\n"));
    let states = world.states();
    for (host, services) in &wish.hosts {
        let line = format!("{host} app {} healthy\n", services["app"]);
        let committed = world.committed();
        assert!(
            states.contains(&line),
            "seed {seed}: no {line}{states}{committed:#?}"
        );
    }
}
