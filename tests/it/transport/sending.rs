//! Who is there, what one command carries, and what is sent to whom.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleet::host::payload;
use fleet::model::desired::Platform;
use fleet::model::id::InstanceId;
use fleet::model::report::ReportOutcome;
use fleet::model::task::{AnswerContent, HostTask, Presence};
use fleet::transport::{Transport as _, TransportError};
use serde_json::{Value, json};

use super::canned::{Canned, Reply};
use super::lab::{
    ByHand, DEPLOY, LIMITS, QUICK, comment, current, instance, lab, report, step, transport,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_step_runs_on_its_host_and_its_report_comes_back() {
    let lab = lab(3).await;
    let failing = "echo 'h\u{fc}bsch \u{2603}' >&2\nfleet_fail 'no room for \u{2603}'\n";
    let tasks = vec![step(0, DEPLOY), step(1, DEPLOY), step(2, failing)];
    let batches = lab.transport.batches(tasks).unwrap();
    assert_eq!(batches.len(), 1);
    let command = lab.send(&batches[0]).await;
    let answers = lab.answers(&command).await;
    for number in [0, 1] {
        let report = report(&answers[&instance(number)]);
        assert_eq!(report.outcome, ReportOutcome::Succeeded);
        assert_eq!(report.version, Some("1.0.0".into()));
    }
    let failed = report(&answers[&instance(2)]);
    assert_eq!(failed.outcome, ReportOutcome::Failed);
    assert!(
        failed.message.contains("no room for \u{2603}"),
        "{failed:?}"
    );
    let log = lab
        .transport
        .output(&command.command, &instance(2))
        .await
        .unwrap();
    assert!(log.contains("h\u{fc}bsch \u{2603}"), "{log}");
    assert!(log.len() <= 8_000);

    let found = lab.found().await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].command, command.command);
    assert_eq!(found[0].comment, command.comment);
    assert_eq!(found[0].instances, command.instances);
    lab.sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_instance_asked_about_is_in_the_inventory() {
    let lab = lab(101).await;
    lab.faults(json!({ "offline": [instance(0)], "stopped": [instance(1)] }));
    let ids: Vec<InstanceId> = (0..120).map(instance).collect();
    let found = lab.transport.inventory(&ids).await.unwrap();
    assert_eq!(found.len(), 120);
    let offline = |number, why: &str| {
        let presence = &found[&instance(number)];
        assert!(
            matches!(presence, Presence::Offline(reason) if reason.contains(why)),
            "{presence:?}"
        );
    };
    offline(0, "connection lost, last heard of 20");
    offline(1, "SSM does not know it");
    offline(119, "SSM does not know it");
    for number in 2..101 {
        assert_eq!(found[&instance(number)], Presence::Online(Platform::Linux));
    }
    // 99 of the first hundred ids are listed, on two pages, and one of the rest.
    assert_eq!(lab.sandbox.calls("DescribeInstanceInformation"), 3);
    lab.sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_hosts_are_one_command_and_a_hundred_and_twenty_are_three() {
    let lab = lab(120).await;
    let all: Vec<InstanceId> = (0..120).map(instance).collect();
    lab.faults(json!({ "offline": all }));
    let tasks: Vec<HostTask> = (0..120).map(|n| step(n, DEPLOY)).collect();
    let batches = lab.transport.batches(tasks).unwrap();
    for (part, batch) in (1..).zip(&batches) {
        let sent = lab
            .transport
            .send(&comment(part), batch, LIMITS)
            .await
            .unwrap();
        assert_eq!(sent.rejected, []);
    }
    let mut sizes: Vec<usize> = lab
        .found()
        .await
        .iter()
        .map(|c| c.instances.len())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [20, 50, 50]);
    assert_eq!(lab.sandbox.calls("SendCommand"), 3);
    lab.sandbox.shutdown().await;
}

#[tokio::test]
async fn a_thousand_hosts_with_scripts_of_their_own_are_twenty_commands() {
    /// As long as those of a real service, and another one on every host.
    const BODY: &str = include_str!("../../../templates/web/deploy.sh.hbs");
    let lab = lab(1_000).await;
    let all: Vec<InstanceId> = (0..1_000).map(instance).collect();
    lab.faults(json!({ "offline": all }));
    let tasks = (0..1_000).map(|n| {
        step(
            n,
            &format!("host='host-{n}'\nshard='{}'\n{BODY}", n * 7_919),
        )
    });
    let batches = lab.transport.batches(tasks.collect()).unwrap();
    for (part, batch) in (1..).zip(&batches) {
        let sent = lab.transport.send(&comment(part), batch, LIMITS).await;
        assert_eq!(sent.unwrap().rejected, []);
    }
    assert_eq!(lab.sandbox.calls("SendCommand"), 20);
    let hosts: usize = lab.found().await.iter().map(|c| c.instances.len()).sum();
    assert_eq!(hosts, 1_000);
    lab.sandbox.shutdown().await;
}

/// Cancelling what runs would kill it in the middle.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_delivered_is_cancelled_and_nothing_else() {
    let lab = lab(3).await;
    let wait = "until [[ -e $FLEET_ROOT/go ]]; do sleep 0.1; done\n";
    let slow = format!("touch \"$FLEET_ROOT/begun\"\n{wait}{DEPLOY}");
    let running = lab.send(&[step(0, &slow)]).await;
    let root = lab.root(0);
    while !root.join("begun").exists() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    lab.faults(json!({ "delivery_delay": 3_600 }));
    let waiting = lab.send(&[step(1, &slow), step(2, &slow)]).await;
    for command in [&running, &waiting, &waiting] {
        lab.transport.cancel(command).await.unwrap();
    }
    assert_eq!(lab.sandbox.calls("CancelCommand"), 1, "nothing was left");
    std::fs::write(root.join("go"), "").unwrap();
    let answers = lab.answers(&running).await;
    let ran = report(&answers[&instance(0)]);
    assert_eq!(ran.outcome, ReportOutcome::Succeeded);
    let cancelled = AnswerContent::Lost("Cancelled".to_owned());
    let answers = lab.answers(&waiting).await;
    for number in [1, 2] {
        assert_eq!(answers[&instance(number)], cancelled);
        assert!(!lab.root(number).join("begun").exists());
    }
    lab.sandbox.shutdown().await;
}

/// Random bytes of a host's own, as scripts carry them: in base64, which gzip undoes.
fn noise(number: usize, bytes: usize) -> String {
    let mut random = fastrand::Rng::with_seed(number as u64);
    let noise: Vec<u8> = (0..bytes).map(|_| random.u8(..)).collect();
    format!("# {}\n", STANDARD.encode(noise))
}

/// The last column is what equal parts of fifty came to.
#[tokio::test]
async fn commands_are_as_few_as_their_size_allows() {
    const BODY: &str = include_str!("../../../templates/web/deploy.sh.hbs");
    let transport = transport("http://127.0.0.1:9", ByHand::new(), QUICK).await;
    for (random_bytes, commands, before) in [
        (256, 20, 20),
        (512, 25, 40),
        (1_024, 48, 80),
        (2_048, 91, 140),
    ] {
        let task = |n| {
            let script = format!("host='host-{n}'\n{}{BODY}", noise(n, random_bytes));
            step(n, &script)
        };
        let tasks: Vec<HostTask> = (0..1_000).map(task).collect();
        let batches = transport.batches(tasks.clone()).unwrap();
        assert_eq!(batches.len(), commands, "{random_bytes}");
        assert!(commands <= before);
        let hosts = batches.iter().flatten().map(|task| &task.host);
        assert!(hosts.eq(tasks.iter().map(|task| &task.host)));
        // Each is full: what comes next would not fit, but for the room that is kept.
        let packed = |tasks: &[HostTask]| payload::size(&payload::pack(tasks).unwrap());
        for pair in batches.windows(2).step_by(7) {
            assert!(packed(&pair[0]) <= payload::LIMIT);
            let more = [&pair[0][..], &pair[1][..1]].concat();
            assert!(pair[0].len() == 50 || packed(&more) > payload::LIMIT - 256);
        }
    }
}

#[tokio::test]
async fn batches_hold_each_instance_once_and_stay_below_the_limit() {
    let transport = transport("http://127.0.0.1:9", ByHand::new(), QUICK).await;
    let sizes = |tasks: Vec<HostTask>| -> Vec<usize> {
        let batches = transport.batches(tasks).unwrap();
        batches.iter().map(Vec::len).collect()
    };
    assert_eq!(sizes(Vec::new()), [0; 0]);
    let twice = [current(0), current(1), current(0), current(0)];
    assert_eq!(sizes(twice.to_vec()), [2, 1, 1]);

    let refused = transport.batches(vec![step(0, &noise(1, 90_000))]);
    match refused {
        Err(TransportError::TooLarge { host, bytes, limit }) => {
            assert_eq!((host.as_str(), limit), ("h0", 48 * 1024));
            assert!(bytes > limit);
        }
        other => panic!("{other:?}"),
    }
    let mut windows = current(0);
    windows.platform = Platform::Windows;
    let refused = transport.batches(vec![windows]);
    assert!(matches!(refused, Err(TransportError::Platform { host }) if host == "h0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_id_does_not_sink_the_batch() {
    let lab = lab(2).await;
    let tasks = [current(0), current(1), current(9)];
    let sent = lab
        .transport
        .send(&comment(1), &tasks, LIMITS)
        .await
        .unwrap();
    let rejected: Vec<&InstanceId> = sent.rejected.iter().map(|(id, _)| id).collect();
    assert_eq!(rejected, [&instance(9)]);
    assert_eq!(sent.command.unwrap().instances, [instance(0), instance(1)]);
    assert_eq!(lab.sandbox.calls("SendCommand"), 2);

    let sent = lab
        .transport
        .send(&comment(2), &[current(9)], LIMITS)
        .await
        .unwrap();
    assert!(sent.command.is_none());
    assert_eq!(sent.rejected.len(), 1);
    assert_eq!(lab.sandbox.calls("SendCommand"), 3);
    lab.sandbox.shutdown().await;
}

#[tokio::test]
async fn where_the_error_names_nobody_the_inventory_does() {
    let gone = instance(1);
    let canned = Canned::start(move |operation, request| {
        let ids = request["InstanceIds"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        match operation {
            "SendCommand" if ids.contains(&json!(gone)) => Reply::error("InvalidInstanceId", ""),
            "SendCommand" => accepted(),
            "DescribeInstanceInformation" => Reply::ok(json!({ "InstanceInformationList": [
                { "InstanceId": instance(0), "PingStatus": "Online", "PlatformType": "Linux" },
            ]})),
            other => panic!("{other}"),
        }
    })
    .await;
    let transport = transport(&canned.endpoint, ByHand::new(), QUICK).await;
    let tasks = [current(0), current(1)];
    let sent = transport.send(&comment(1), &tasks, LIMITS).await.unwrap();
    assert_eq!(sent.command.unwrap().instances, [instance(0)]);
    assert_eq!(sent.rejected.len(), 1);
    assert_eq!(sent.rejected[0].0, instance(1));
}

#[tokio::test]
async fn an_error_that_is_about_nobody_ends_the_send() {
    let canned = Canned::start(|operation, _| match operation {
        "SendCommand" => Reply::error("InvalidInstanceId", "Instances [[i-ffffffff]] are bad"),
        _ => Reply::ok(json!({ "InstanceInformationList": [
            { "InstanceId": instance(0), "PingStatus": "Online", "PlatformType": "Linux" },
        ]})),
    })
    .await;
    let transport = transport(&canned.endpoint, ByHand::new(), QUICK).await;
    let sent = transport.send(&comment(1), &[current(0)], LIMITS).await;
    assert!(
        matches!(sent, Err(TransportError::Rejected { .. })),
        "{sent:?}"
    );
    assert_eq!(canned.calls("SendCommand"), 1);
}

#[tokio::test]
async fn a_command_says_all_that_fleet_wants_of_it() {
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Value::Null));
    let seen = asked.clone();
    let canned = Canned::start(move |_, request| {
        *seen.lock().unwrap() = request.clone();
        accepted()
    })
    .await;
    let transport = transport(&canned.endpoint, ByHand::new(), QUICK).await;
    let limits = fleet::transport::SendLimits {
        delivery: Duration::from_secs(120),
        execution: Duration::from_secs(12_600),
    };
    transport
        .send(&comment(7), &[current(0)], limits)
        .await
        .unwrap();
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked["DocumentName"], "AWS-RunShellScript");
    assert_eq!(asked["Comment"], "fleet/lab/20261120T010140Z-3f2a91/1.1-7");
    assert_eq!(asked["TimeoutSeconds"], 120);
    assert_eq!(asked["MaxErrors"], "100%");
    assert_eq!(asked["MaxConcurrency"], "50");
    assert_eq!(asked["Parameters"]["executionTimeout"], json!(["12600"]));
    assert_eq!(asked["Parameters"]["commands"][0], "#!/bin/bash");
    assert_eq!(asked["InstanceIds"], json!([instance(0)]));
}

/// The answer of SendCommand.
pub(super) fn accepted() -> Reply {
    Reply::ok(json!({ "Command": { "CommandId": "11111111-2222-3333-4444-555555555555" } }))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_no_report_is_garbled() {
    let lab = lab(1).await;
    lab.faults(json!({ "truncate": 40 }));
    let command = lab.send(&[step(0, DEPLOY)]).await;
    let answers = lab.answers(&command).await;
    let content = &answers[&instance(0)];
    assert!(matches!(content, AnswerContent::Garbled(_)), "{content:?}");
    lab.sandbox.shutdown().await;
}
