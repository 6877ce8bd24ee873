//! How few calls tell how far commands are, and what their ends mean.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use fleet::model::id::{CommandId, InstanceId};
use fleet::model::task::{AnswerContent, SentCommand};
use fleet::model::time::Timestamp;
use fleet::transport::Transport as _;
use serde_json::{Value, json};

use super::canned::{Canned, Reply};
use super::lab::{ByHand, LIMITS, QUICK, comment, current, instance, lab, step_id, transport};

fn command(number: usize, instances: impl IntoIterator<Item = usize>) -> SentCommand {
    SentCommand {
        command: CommandId::new(format!("00000000-0000-0000-0000-{number:012}")),
        comment: comment(1),
        sent_at: Timestamp::from_unix(1_800_000_000),
        instances: instances.into_iter().map(instance).collect(),
    }
}

/// A row of ListCommands.
fn row(command: &SentCommand, completed: usize) -> Value {
    json!({
        "CommandId": command.command,
        "Comment": command.comment.to_string(),
        "Status": "InProgress",
        "TargetCount": command.instances.len(),
        "CompletedCount": completed,
    })
}

/// A row of ListCommandInvocations.
fn invocation(id: &InstanceId, status: &str, details: &str, output: &str) -> Value {
    json!({
        "InstanceId": id,
        "Status": status,
        "StatusDetails": details,
        "CommandPlugins": [{ "Name": "aws:runShellScript", "Output": output }],
    })
}

fn succeeded(number: usize) -> String {
    json!({ "fleet": 1, "step": step_id(number), "outcome": "succeeded" }).to_string() + "\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_hosts_are_one_send_and_their_answers_one_page() {
    let lab = lab(50).await;
    let tasks: Vec<_> = (0..50).map(current).collect();
    let command = lab.send(&tasks).await;
    let answers = lab.answers(&command).await;
    for (id, content) in &answers {
        assert!(
            matches!(content, AnswerContent::Current(states) if states.is_empty()),
            "{id}"
        );
    }
    let again = lab.answers(&command).await;
    assert_eq!(again, answers);
    assert_eq!(lab.sandbox.calls("SendCommand"), 1);
    assert_eq!(lab.sandbox.calls("ListCommandInvocations"), 1);
    let lists = lab.sandbox.calls("ListCommands");
    lab.answers(&command).await;
    assert_eq!(
        lab.sandbox.calls("ListCommands"),
        lists,
        "a command that is done is not asked for"
    );
    lab.sandbox.shutdown().await;
}

#[tokio::test]
async fn a_thousand_hosts_take_65_calls_with_five_looks_at_their_progress() {
    let commands: Vec<_> = (0..20).map(|n| command(n, n * 50..n * 50 + 50)).collect();
    let round = Arc::new(Mutex::new(0));
    let (listed, now) = (commands.clone(), round.clone());
    let mut sends = 0;
    let canned = Canned::start(move |operation, request| match operation {
        "DescribeInstanceInformation" => describe(request),
        "SendCommand" => {
            sends += 1;
            Reply::ok(json!({ "Command": { "CommandId": listed[sends - 1].command } }))
        }
        "ListCommands" => {
            let completed = *now.lock().unwrap() * 10;
            Reply::ok(
                json!({ "Commands": listed.iter().map(|c| row(c, completed)).collect::<Vec<_>>() }),
            )
        }
        "ListCommandInvocations" => {
            let command = listed
                .iter()
                .find(|c| request["CommandId"] == json!(c.command))
                .unwrap();
            let rows = command.instances.iter();
            let rows = rows.map(|id| invocation(id, "Success", "Success", &succeeded(0)));
            Reply::ok(json!({ "CommandInvocations": rows.collect::<Vec<_>>() }))
        }
        other => panic!("{other}"),
    })
    .await;
    let transport = transport(&canned.endpoint, ByHand::new(), QUICK).await;
    let ids: Vec<InstanceId> = (0..1_000).map(instance).collect();
    assert_eq!(transport.inventory(&ids).await.unwrap().len(), 1_000);
    let tasks: Vec<_> = (0..1_000).map(current).collect();
    let mut sent = Vec::new();
    for (part, batch) in (1..).zip(transport.batches(tasks).unwrap()) {
        let command = transport
            .send(&comment(part), &batch, LIMITS)
            .await
            .unwrap()
            .command;
        sent.push(command.unwrap());
    }
    assert_eq!(sent.len(), 20);
    for expected in [0, 0, 0, 0, 1_000] {
        *round.lock().unwrap() += 1;
        assert_eq!(transport.poll(&sent).await.unwrap().len(), expected);
    }
    assert_eq!(canned.calls("ListCommands"), 5);
    assert_eq!(canned.calls("ListCommandInvocations"), 20);
    assert_eq!(canned.all_calls(), 65);
}

/// All that are asked for are online; 50 on a page.
fn describe(request: &Value) -> Reply {
    let ids = request["Filters"][0]["Values"].as_array().unwrap();
    assert!(ids.len() <= 100 && request["MaxResults"] == 50);
    let from = if request["NextToken"] == "more" {
        50
    } else {
        0
    };
    let row =
        |id: &Value| json!({ "InstanceId": id, "PingStatus": "Online", "PlatformType": "Linux" });
    let page: Vec<_> = ids.iter().skip(from).take(50).map(row).collect();
    let more = ids.len() > from + 50;
    let mut answer = json!({ "InstanceInformationList": page });
    if more {
        answer["NextToken"] = json!("more");
    }
    Reply::ok(answer)
}

#[tokio::test]
async fn a_command_that_is_under_way_is_looked_into_seldom() {
    let sent = command(1, 0..3);
    let completed = Arc::new(Mutex::new(0));
    let (listed, now) = (sent.clone(), completed.clone());
    let canned = Canned::start(move |operation, _| {
        let completed = *now.lock().unwrap();
        match operation {
            "ListCommands" => Reply::ok(json!({ "Commands": [row(&listed, completed)] })),
            _ => {
                let rows = listed
                    .instances
                    .iter()
                    .enumerate()
                    .map(|(n, id)| match n < completed {
                        true => invocation(id, "Success", "Success", &succeeded(n)),
                        false => invocation(id, "InProgress", "InProgress", ""),
                    });
                Reply::ok(json!({ "CommandInvocations": rows.collect::<Vec<_>>() }))
            }
        }
    })
    .await;
    let clock = ByHand::new();
    let transport = transport(&canned.endpoint, clock.clone(), QUICK).await;
    for (seconds, done, answers, looks) in [
        (0, 1, 0, 0),
        (5, 1, 1, 1),
        // Nothing new, however long.
        (60, 1, 1, 1),
        (1, 2, 2, 2),
        // Everything is there: no reason to wait.
        (1, 3, 3, 3),
        (60, 3, 3, 3),
    ] {
        clock.pass(seconds);
        *completed.lock().unwrap() = done;
        let polled = transport.poll(std::slice::from_ref(&sent)).await.unwrap();
        assert_eq!(polled.len(), answers, "{done} done");
        assert_eq!(canned.calls("ListCommandInvocations"), looks, "{done} done");
    }
    assert_eq!(canned.calls("ListCommands"), 5);
}

#[tokio::test]
async fn behind_other_peoples_commands_ones_own_are_asked_for_one_by_one() {
    let own = command(1, 0..1);
    let id = own.instances[0].clone();
    let mut page: usize = 0;
    let canned = Canned::start(move |operation, _| match operation {
        "ListCommands" => {
            page += 1;
            let foreign = |n| row(&command(page * 1_000 + n, 0..1), 0);
            let page_of = (0..50).map(foreign).collect::<Vec<_>>();
            Reply::ok(json!({ "Commands": page_of, "NextToken": format!("page {page}") }))
        }
        _ => Reply::ok(json!({ "CommandInvocations": [
            invocation(&id, "Success", "Success", &succeeded(0)),
        ]})),
    })
    .await;
    let clock = ByHand::new();
    let transport = transport(&canned.endpoint, clock.clone(), QUICK).await;
    let poll = async || {
        transport
            .poll(std::slice::from_ref(&own))
            .await
            .unwrap()
            .len()
    };
    assert_eq!(poll().await, 0);
    assert_eq!(
        (
            canned.calls("ListCommands"),
            canned.calls("ListCommandInvocations")
        ),
        (3, 0)
    );
    clock.pass(5);
    assert_eq!(poll().await, 1);
    assert_eq!(
        (
            canned.calls("ListCommands"),
            canned.calls("ListCommandInvocations")
        ),
        (3, 1)
    );
}

#[tokio::test]
async fn the_end_of_a_command_is_told_by_its_report_and_else_by_what_may_have_run() {
    let report = succeeded(0);
    let noisy = format!("{report}\n----------ERROR-------\nloud\n");
    let cases: &[(&str, &str, &str, &str)] = &[
        ("Success", "Success", &report, "reports"),
        ("Success", "Success", &noisy, "reports"),
        ("Success", "Success", "", "garbled"),
        ("Success", "Success", "\u{fffd}\u{fffd}{}", "garbled"),
        ("Failed", "Failed", &report, "reports"),
        ("Failed", "Failed", "oops", "garbled"),
        ("TimedOut", "ExecutionTimedOut", "", "lost"),
        ("TimedOut", "Execution Timed Out", &report, "reports"),
        ("TimedOut", "Delivery Timed Out", "", "lost"),
        ("Cancelled", "Cancelled", "", "lost"),
        ("Cancelled", "Terminated", "", "undelivered"),
        ("Failed", "Undeliverable", "", "undelivered"),
        ("Failed", "Invalid Platform", "", "undelivered"),
        ("Failed", "Access Denied", "", "undelivered"),
        ("TimedOut", "", "", "lost"),
        ("Delayed", "Delayed", "", "nothing"),
        ("Cancelling", "Cancelling", "", "nothing"),
        ("Pondering", "Pondering", &report, "nothing"),
    ];
    let sent = command(1, 0..cases.len());
    let rows: Vec<Value> = (0..)
        .zip(cases)
        .map(|(n, (status, details, output, _))| invocation(&instance(n), status, details, output))
        .collect();
    let listed = row(&sent, cases.len());
    let canned = Canned::start(move |operation, _| match operation {
        "ListCommands" => Reply::ok(json!({ "Commands": [listed] })),
        _ => Reply::ok(json!({ "CommandInvocations": rows })),
    })
    .await;
    let transport = transport(&canned.endpoint, ByHand::new(), QUICK).await;
    let polled = transport.poll(&[sent]).await.unwrap();
    let found: BTreeMap<InstanceId, &str> = polled
        .into_iter()
        .map(|answer| {
            let kind = match answer.content {
                AnswerContent::Reports(_) => "reports",
                AnswerContent::Garbled(_) => "garbled",
                AnswerContent::Lost(_) => "lost",
                AnswerContent::Undelivered(_) => "undelivered",
                AnswerContent::Current(_) => "current",
            };
            (answer.instance, kind)
        })
        .collect();
    for (number, (status, details, _, expected)) in cases.iter().enumerate() {
        let kind = found.get(&instance(number)).copied().unwrap_or("nothing");
        assert_eq!(kind, *expected, "{status} {details}");
    }
}

#[tokio::test]
async fn output_that_the_list_cuts_off_is_read_whole() {
    let state = |n: usize| {
        json!({ "host": "h0", "service": format!("s{n}"), "version": "1.0.0", "sequence": 7 })
            .to_string()
    };
    let whole = (0..60).fold(
        json!({ "fleet": 1, "host": "h0", "services": 60 }).to_string() + "\n",
        |text, n| text + &state(n) + "\n",
    );
    assert!(whole.len() > 2_500);
    let sent = command(1, 0..1);
    let (listed, cut) = (row(&sent, 1), whole[..2_500].to_owned());
    let canned = Canned::start(move |operation, _| match operation {
        "ListCommands" => Reply::ok(json!({ "Commands": [listed] })),
        "ListCommandInvocations" => Reply::ok(json!({ "CommandInvocations": [
            invocation(&instance(0), "Success", "Success", &cut),
        ]})),
        "GetCommandInvocation" => Reply::ok(json!({ "StandardOutputContent": whole })),
        other => panic!("{other}"),
    })
    .await;
    let transport = transport(&canned.endpoint, ByHand::new(), QUICK).await;
    let polled = transport.poll(&[sent]).await.unwrap();
    match &polled[0].content {
        AnswerContent::Current(states) => assert_eq!(states.len(), 60),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn commands_are_found_on_every_page_by_their_comment() {
    let mine = [command(1, 0..2), command(2, 0..1)];
    let listed = mine.clone();
    let canned = Canned::start(move |operation, request| {
        let entry = |command: &SentCommand, comment: &str, ids: Value| {
            json!({ "CommandId": command.command, "Comment": comment, "InstanceIds": ids,
                    "RequestedDateTime": 1_800_000_005.25 })
        };
        match (operation, request["NextToken"].as_str()) {
            ("ListCommands", None) => {
                let filters = &request["Filters"];
                assert_eq!(filters[0], json!({ "key": "InvokedAfter", "value": "2027-01-15T08:00:00Z" }));
                assert_eq!(filters[1], json!({ "key": "DocumentName", "value": "AWS-RunShellScript" }));
                Reply::ok(json!({ "NextToken": "2", "Commands": [
                    entry(&command(7, 0..1), "somebody else's", json!([])),
                    entry(&command(8, 0..1), "fleet/lab/but not ours", json!([])),
                    entry(&command(9, 0..1), "fleet/other/20261120T010140Z-3f2a91/1.1-1", json!([])),
                    entry(&listed[0], &listed[0].comment.to_string(), json!(listed[0].instances)),
                ]}))
            }
            // An empty page is not the last one.
            ("ListCommands", Some("2")) => Reply::ok(json!({ "NextToken": "3", "Commands": [] })),
            ("ListCommands", _) => Reply::ok(json!({ "Commands": [
                entry(&listed[1], &listed[1].comment.to_string(), json!([])),
            ]})),
            (_, _) => Reply::ok(json!({ "CommandInvocations": [
                invocation(&instance(0), "Pending", "Pending", ""),
            ]})),
        }
    })
    .await;
    let transport = transport(&canned.endpoint, ByHand::new(), QUICK).await;
    let found = transport
        .find(Timestamp::from_unix(1_800_000_000), "fleet/lab/")
        .await
        .unwrap();
    let expected = mine.map(|command| SentCommand {
        sent_at: Timestamp::from_unix(1_800_000_005),
        ..command
    });
    assert_eq!(found, expected);
    assert_eq!(canned.calls("ListCommands"), 3);
    assert_eq!(canned.calls("ListCommandInvocations"), 1);
}

#[tokio::test]
async fn output_that_is_not_there_yet_is_empty() {
    let canned = Canned::start(|_, _| Reply::error("InvocationDoesNotExist", "")).await;
    let transport = transport(&canned.endpoint, ByHand::new(), QUICK).await;
    let output = transport
        .output(&command(1, 0..1).command, &instance(0))
        .await;
    assert_eq!(output.unwrap(), "");
}
