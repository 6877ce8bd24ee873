//! What the tests of the transport share: a sandbox with hosts, tasks for them, and a clock that
//! stands still until it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleet::model::bundle::{Bundle, Digests};
use fleet::model::clock::Clock;
use fleet::model::desired::Platform;
use fleet::model::id::{Digest, InstanceId, RolloutId, StepId};
use fleet::model::plan::Action;
use fleet::model::report::Report;
use fleet::model::task::{AnswerContent, Comment, HostTask, SentCommand, StepTask, Work};
use fleet::model::time::{Seconds, Timestamp};
use fleet::sandbox::{Faults, Sandbox, SandboxInstance, SandboxOptions};
use fleet::transport::ssm::{Pacing, SsmCredentials, SsmOptions, SsmTransport};
use fleet::transport::{SendLimits, Transport as _};

use crate::support::{RealClock, RealRandom};

pub(super) const LIMITS: SendLimits = SendLimits {
    delivery: Duration::from_secs(60),
    execution: Duration::from_secs(60),
};

/// AWS's patience, shortened.
pub(super) const QUICK: Pacing = Pacing {
    burst: 1_000,
    rate: 1_000.0,
    first_wait: Duration::from_millis(5),
    longest_wait: Duration::from_millis(20),
    patience: Duration::from_millis(200),
    connect: Duration::from_secs(5),
    answer: Duration::from_secs(30),
};

pub(super) const DEPLOY: &str = "echo \"$FLEET_VERSION\" >\"$FLEET_ROOT/version\"\n";

/// The machine's time of day, and a time that passes by hand only.
pub(super) struct ByHand {
    day: RealClock,
    passed: Mutex<Duration>,
}

impl ByHand {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            day: RealClock::new(),
            passed: Mutex::default(),
        })
    }

    pub(super) fn pass(&self, seconds: u64) {
        *self.passed.lock().unwrap() += Duration::from_secs(seconds);
    }
}

impl Clock for ByHand {
    fn now(&self) -> Timestamp {
        self.day.now()
    }

    fn monotonic(&self) -> Duration {
        *self.passed.lock().unwrap()
    }
}

pub(super) async fn transport(
    endpoint: &str,
    clock: Arc<dyn Clock>,
    pacing: Pacing,
) -> SsmTransport {
    let options = SsmOptions {
        region: "ap-southeast-2".to_owned(),
        endpoint: Some(endpoint.to_owned()),
        credentials: SsmCredentials::Sandbox,
        clock,
        random: Arc::new(RealRandom),
    };
    SsmTransport::connect_paced(options, pacing).await
}

pub(super) struct Lab {
    folder: tempfile::TempDir,
    pub(super) sandbox: Sandbox,
    pub(super) clock: Arc<ByHand>,
    pub(super) transport: SsmTransport,
}

pub(super) async fn lab(hosts: usize) -> Lab {
    let folder = tempfile::tempdir().unwrap();
    let mut options = SandboxOptions::new(
        folder.path().join("sandbox"),
        std::env::vars_os().collect(),
        Arc::new(RealClock::new()),
        Arc::new(RealRandom),
    );
    let host = |n| {
        let name = format!("h{n}").into();
        SandboxInstance::host("lab".into(), name, instance(n), Platform::Linux)
    };
    options.instances = (0..hosts).map(host).collect();
    let sandbox = Sandbox::start(options).await.unwrap();
    let clock = ByHand::new();
    let transport = transport(&sandbox.endpoint(), clock.clone(), QUICK).await;
    Lab {
        folder,
        sandbox,
        clock,
        transport,
    }
}

impl Lab {
    /// Switches faults on, written as in a faults file; what is not named is off.
    pub(super) fn faults(&self, json: serde_json::Value) {
        let faults: Faults = serde_json::from_value(json).unwrap();
        self.sandbox.set_faults(faults);
    }

    pub(super) async fn send(&self, tasks: &[HostTask]) -> SentCommand {
        let sent = self.transport.send(&comment(1), tasks, LIMITS).await;
        sent.unwrap().command.unwrap()
    }

    /// The folder that a host has for its root.
    pub(super) fn root(&self, number: usize) -> std::path::PathBuf {
        let hosts = self.folder.path().join("sandbox/hosts");
        hosts.join(format!("lab/h{number}"))
    }

    /// Commands of these tests that the service knows.
    pub(super) async fn found(&self) -> Vec<SentCommand> {
        let since = self.clock.now() - Duration::from_secs(60);
        self.transport.find(since, "fleet/lab/").await.unwrap()
    }

    /// Polls until every instance has answered.
    pub(super) async fn answers(
        &self,
        command: &SentCommand,
    ) -> BTreeMap<InstanceId, AnswerContent> {
        for _ in 0..600 {
            let polled = self.transport.poll(std::slice::from_ref(command)).await;
            let found: BTreeMap<_, _> = polled
                .unwrap()
                .into_iter()
                .map(|answer| (answer.instance, answer.content))
                .collect();
            if found.len() == command.instances.len() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("not every instance answered {command:?}");
    }
}

pub(super) fn instance(number: usize) -> InstanceId {
    InstanceId::new(format!("i-{number:017x}"))
}

pub(super) fn comment(part: u32) -> Comment {
    Comment {
        environment: "lab".into(),
        rollout: RolloutId::new("20261120T010140Z-3f2a91"),
        wave: 1,
        round: 1,
        part,
    }
}

/// A question that changes nothing and takes a host no time.
pub(super) fn current(number: usize) -> HostTask {
    HostTask {
        fleet: "acme".into(),
        environment: "lab".into(),
        host: format!("h{number}").into(),
        instance: instance(number),
        platform: Platform::Linux,
        work: Work::Current,
    }
}

pub(super) fn step_id(number: usize) -> StepId {
    StepId::compute(
        &"acme".into(),
        &"lab".into(),
        &comment(1).rollout,
        &format!("h{number}").into(),
        &instance(number),
        &"app".into(),
        Action::Install,
    )
}

/// Installs version 1.0.0 with this deploy script.
pub(super) fn step(number: usize, deploy: &str) -> HostTask {
    let digest = Digest::of("x");
    let script = |text: &str| -> Arc<[u8]> { text.as_bytes().into() };
    let observe = "echo \"version=$(cat \"$FLEET_ROOT/version\" 2>/dev/null || echo none)\"\n";
    let files = BTreeMap::from([
        ("observe.sh".to_owned(), script(observe)),
        ("deploy.sh".to_owned(), script(deploy)),
    ]);
    let step = StepTask {
        service: "app".into(),
        action: Action::Install,
        rollout: comment(1).rollout,
        revision: "8c1f0e28c1f0e28c1f0e28c1f0e28c1f0e28c1f0".into(),
        step: step_id(number),
        sequence: 1_800_000_000,
        not_after: Timestamp::from_unix(4_000_000_000),
        timeout: Seconds(30),
        version: "1.0.0".into(),
        undo: None,
        bundle: Arc::new(Bundle {
            files,
            digests: Digests {
                digest: digest.clone(),
                scripts: digest.clone(),
                template: digest.clone(),
                definition: digest.clone(),
                host_definition: digest,
                redeploy: None,
            },
        }),
    };
    HostTask {
        work: Work::Step(Box::new(step)),
        ..current(number)
    }
}

pub(super) fn report(content: &AnswerContent) -> &Report {
    match content {
        AnswerContent::Reports(reports) => &reports[0],
        other => panic!("{other:?} is no report"),
    }
}
