//! The production transport against the sandbox's endpoint: real calls, real scripts.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use fleet::model::bundle::{Bundle, Digests};
use fleet::model::desired::Platform;
use fleet::model::id::{Digest, InstanceId, RolloutId, StepId};
use fleet::model::plan::Action;
use fleet::model::report::{Report, ReportOutcome};
use fleet::model::task::{AnswerContent, Comment, HostTask, Presence, SentCommand, StepTask, Work};
use fleet::model::time::{Seconds, Timestamp};
use fleet::sandbox::{Faults, Sandbox, SandboxInstance, SandboxOptions};
use fleet::transport::ssm::{SsmCredentials, SsmOptions, SsmTransport};
use fleet::transport::{SendLimits, Transport as _, TransportError};

use crate::support::{RealClock, RealRandom};

const LIMITS: SendLimits = SendLimits {
    delivery: Duration::from_secs(60),
    execution: Duration::from_secs(60),
};

struct Lab {
    _folder: tempfile::TempDir,
    sandbox: Sandbox,
    transport: SsmTransport,
}

fn instance(number: usize) -> InstanceId {
    InstanceId::new(format!("i-{number:017x}"))
}

async fn transport(endpoint: &str) -> SsmTransport {
    SsmTransport::connect(SsmOptions {
        region: "ap-southeast-2".to_owned(),
        endpoint: Some(endpoint.to_owned()),
        credentials: SsmCredentials::Sandbox,
        clock: Arc::new(RealClock::new()),
        random: Arc::new(RealRandom),
    })
    .await
}

async fn lab(hosts: usize, faults: Faults) -> Lab {
    let folder = tempfile::tempdir().unwrap();
    let mut options = SandboxOptions::new(
        folder.path().join("sandbox"),
        std::env::vars_os().collect(),
        Arc::new(RealClock::new()),
        Arc::new(RealRandom),
    );
    options.faults = faults;
    options.instances = (0..hosts)
        .map(|n| {
            SandboxInstance::host(
                "lab".into(),
                format!("h{n}").into(),
                instance(n),
                Platform::Linux,
            )
        })
        .collect();
    let sandbox = Sandbox::start(options).await.unwrap();
    let transport = transport(&sandbox.endpoint()).await;
    Lab {
        _folder: folder,
        sandbox,
        transport,
    }
}

fn comment(part: u32) -> Comment {
    Comment {
        environment: "lab".into(),
        rollout: RolloutId::new("20261120T010140Z-3f2a91"),
        wave: 1,
        round: 1,
        part,
    }
}

fn step(number: usize, deploy: &str) -> HostTask {
    let digest = Digest::of("x");
    let script = |text: &str| -> Arc<[u8]> { text.as_bytes().into() };
    let observe = "echo \"version=$(cat \"$FLEET_ROOT/version\" 2>/dev/null || echo none)\"\n";
    let files = BTreeMap::from([
        ("observe.sh".to_owned(), script(observe)),
        ("deploy.sh".to_owned(), script(deploy)),
    ]);
    HostTask {
        fleet: "acme".into(),
        environment: "lab".into(),
        host: format!("h{number}").into(),
        instance: instance(number),
        platform: Platform::Linux,
        work: Work::Step(Box::new(StepTask {
            service: "app".into(),
            action: Action::Install,
            rollout: comment(1).rollout,
            revision: "8c1f0e28c1f0e28c1f0e28c1f0e28c1f0e28c1f0".into(),
            step: StepId::compute(
                &"acme".into(),
                &"lab".into(),
                &comment(1).rollout,
                &format!("h{number}").into(),
                &instance(number),
                &"app".into(),
                Action::Install,
            ),
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
                },
            }),
        })),
    }
}

const DEPLOY: &str = "echo \"$FLEET_VERSION\" >\"$FLEET_ROOT/version\"\n";

async fn answers(lab: &Lab, command: &SentCommand) -> Vec<(InstanceId, AnswerContent)> {
    let mut found = BTreeMap::new();
    for _ in 0..200 {
        for answer in lab
            .transport
            .poll(std::slice::from_ref(command))
            .await
            .unwrap()
        {
            found.insert(answer.instance, answer.content);
        }
        if found.len() == command.instances.len() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    found.into_iter().collect()
}

fn report(content: &AnswerContent) -> &Report {
    match content {
        AnswerContent::Reports(reports) => &reports[0],
        other => panic!("{other:?} is no report"),
    }
}

/// Calls by operation, as the sandbox counted them.
fn counters(endpoint: &str) -> serde_json::Value {
    let address = endpoint.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    let head = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-amz-json-1.1\r\n\
                X-Amz-Target: FleetSandbox.Counters\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap_or("")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_runs_on_its_host_and_its_report_comes_back() {
    let lab = lab(3, Faults::default()).await;
    let ids: Vec<InstanceId> = (0..4).map(instance).collect();
    let found = lab.transport.inventory(&ids).await.unwrap();
    assert_eq!(found[&instance(0)], Presence::Online(Platform::Linux));
    assert!(
        matches!(&found[&instance(3)], Presence::Offline(why) if why.contains("SSM does not know it"))
    );

    let tasks = vec![
        step(0, DEPLOY),
        step(1, DEPLOY),
        step(2, "echo no >&2\nexit 7\n"),
    ];
    let batches = lab.transport.batches(tasks).unwrap();
    assert_eq!(batches.len(), 1);
    let sent = lab
        .transport
        .send(&comment(1), &batches[0], LIMITS)
        .await
        .unwrap();
    let command = sent.command.unwrap();
    assert_eq!(sent.rejected, []);
    let answers = answers(&lab, &command).await;
    assert_eq!(report(&answers[0].1).outcome, ReportOutcome::Succeeded);
    assert_eq!(
        report(&answers[1].1).version.as_ref().unwrap().as_str(),
        "1.0.0"
    );
    let failed = report(&answers[2].1);
    assert_eq!(failed.outcome, ReportOutcome::Failed, "{failed:?}");
    assert_eq!(failed.exit, Some(7));
    let log = lab
        .transport
        .output(&command.command, &instance(2))
        .await
        .unwrap();
    assert!(log.contains("no"), "{log}");

    let found = lab
        .transport
        .find(command.sent_at - Duration::from_secs(60), "fleet/lab/")
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0].command, &found[0].comment),
        (&command.command, &command.comment)
    );
    assert_eq!(found[0].instances.len(), 3);
    assert!(lab.transport.clock_skew().unwrap().seconds.abs() <= 2);
    lab.sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_id_does_not_sink_the_batch() {
    let lab = lab(2, Faults::default()).await;
    let tasks = [step(0, DEPLOY), step(1, DEPLOY), step(9, DEPLOY)];
    let sent = lab
        .transport
        .send(&comment(1), &tasks, LIMITS)
        .await
        .unwrap();
    let rejected: Vec<&InstanceId> = sent.rejected.iter().map(|(id, _)| id).collect();
    assert_eq!(rejected, [&instance(9)]);
    assert_eq!(sent.command.unwrap().instances, [instance(0), instance(1)]);
    let calls = counters(&lab.sandbox.endpoint());
    assert_eq!(calls["Calls"]["SendCommand"], 2, "{calls}");
    lab.sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_hosts_are_one_command_and_one_page() {
    let lab = lab(1, Faults::default()).await;
    let tasks: Vec<HostTask> = (0..120).map(|n| step(n, DEPLOY)).collect();
    let sizes: Vec<usize> = lab
        .transport
        .batches(tasks)
        .unwrap()
        .iter()
        .map(Vec::len)
        .collect();
    assert_eq!(sizes, [50, 50, 20]);
    let large = (0..60_000)
        .map(|n| format!("# {}\n", n * 7919 % 100_003))
        .collect::<String>();
    let refused = lab.transport.batches(vec![step(0, &large)]);
    assert!(
        matches!(refused, Err(TransportError::TooLarge { .. })),
        "{refused:?}"
    );
    lab.sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_down_accepted_nothing() {
    let transport = transport("http://127.0.0.1:9").await;
    let sent = transport
        .send(&comment(1), &[step(0, DEPLOY)], LIMITS)
        .await;
    assert!(
        matches!(sent, Err(TransportError::Unreachable { .. })),
        "{sent:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_after_the_request_is_ambiguous() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut some = [0_u8; 64];
        let _read = stream.read(&mut some).unwrap();
    });
    let transport = transport(&format!("http://{address}")).await;
    let sent = transport
        .send(&comment(1), &[step(0, DEPLOY)], LIMITS)
        .await;
    assert!(
        matches!(sent, Err(TransportError::Ambiguous { .. })),
        "{sent:?}"
    );
    server.join().unwrap();
}
