//! A sandbox that dies, and who comes after it: scripts go on, results are found, nothing runs
//! twice that did not have to.

use std::fs;
use std::process::Command;

use fleet::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::sandbox_place::{Place, WAITING, WEB, call, end, invocation, runs, send, wait};

#[tokio::test(flavor = "multi_thread")]
async fn a_script_outlives_its_sandbox_and_is_waited_for() {
    let place = Place::new();
    let server = place.server();
    let command = send(&server.endpoint, &WAITING, "60");
    wait(|| runs(&place) == "started\n");
    server.kill();
    let sandbox = Sandbox::start(place.options()).await.unwrap();
    assert_eq!(
        invocation(&sandbox.endpoint(), &command)["Status"],
        "InProgress"
    );
    fs::write(place.host().join("go"), "").unwrap();
    let ended = end(&sandbox.endpoint(), &command);
    assert_eq!(ended["Status"], "Success");
    assert_eq!(ended["StandardOutputContent"], "before\nafter\n");
    assert_eq!(runs(&place), "started\nended\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_found_that_came_while_there_was_no_sandbox() {
    let place = Place::new();
    let server = place.server();
    let mut lines = WAITING.to_vec();
    lines.push("exit 7");
    let command = send(&server.endpoint, &lines, "60");
    wait(|| runs(&place) == "started\n");
    server.kill();
    fs::write(place.host().join("go"), "").unwrap();
    wait(|| runs(&place) == "started\nended\n");
    let sandbox = Sandbox::start(place.options()).await.unwrap();
    let ended = end(&sandbox.endpoint(), &command);
    assert_eq!(
        (&ended["Status"], &ended["ResponseCode"]),
        (&json!("Failed"), &json!(7))
    );
    assert_eq!(runs(&place), "started\nended\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_was_interrupted_runs_again() {
    let place = Place::new();
    let server = place.server();
    let mut lines = vec!["echo $$ >$FLEET_ROOT/script; echo $PPID >$FLEET_ROOT/shell"];
    lines.extend(WAITING);
    let command = send(&server.endpoint, &lines, "60");
    wait(|| runs(&place) == "started\n");
    server.kill();
    // The machine loses power: neither the script nor what collects its result is left.
    let control = place.root().join(format!("commands/{command}/{WEB}/run-0"));
    for file in [control.join("wrapper"), place.host().join("shell")] {
        let group = format!("-{}", fs::read_to_string(file).unwrap().trim());
        assert!(
            Command::new("kill")
                .args(["-9", "--", &group])
                .status()
                .unwrap()
                .success()
        );
    }
    fs::write(place.host().join("go"), "").unwrap();
    let sandbox = Sandbox::start(place.options()).await.unwrap();
    let ended = end(&sandbox.endpoint(), &command);
    assert_eq!(ended["Status"], "Success");
    assert_eq!(ended["StandardOutputContent"], "before\nbefore\nafter\n");
    assert_eq!(runs(&place), "started\nstarted\nended\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn timeout_and_cancellation_reach_a_script_of_the_sandbox_before() {
    let place = Place::new();
    let server = place.server();
    let cancelled = send(&server.endpoint, &WAITING, "60");
    let late = send(&server.endpoint, &WAITING, "5");
    wait(|| runs(&place) == "started\nstarted\n");
    server.kill();
    let sandbox = Sandbox::start(place.options()).await.unwrap();
    let request = json!({ "CommandId": cancelled });
    assert_eq!(
        call(&sandbox.endpoint(), "AmazonSSM.CancelCommand", &request).0,
        200
    );
    assert_eq!(end(&sandbox.endpoint(), &cancelled)["Status"], "Cancelled");
    assert_eq!(
        end(&sandbox.endpoint(), &late)["StatusDetails"],
        "ExecutionTimedOut"
    );
    fs::write(place.host().join("go"), "").unwrap();
    assert_eq!(runs(&place), "started\nstarted\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn history_and_what_was_not_delivered_survive() {
    let place = Place::new();
    let mut options = place.options();
    options.faults.offline = vec![WEB.into()];
    let sandbox = Sandbox::start(options).await.unwrap();
    let waiting = send(&sandbox.endpoint(), &["echo late"], "60");
    sandbox.shutdown().await;
    let sandbox = Sandbox::start(place.options()).await.unwrap();
    assert_eq!(
        end(&sandbox.endpoint(), &waiting)["StandardOutputContent"],
        "late\n"
    );
    sandbox.shutdown().await;

    let sandbox = Sandbox::start(place.options()).await.unwrap();
    let request = json!({ "CommandId": waiting });
    let (_, answer) = call(&sandbox.endpoint(), "AmazonSSM.ListCommands", &request);
    let command = &answer["Commands"][0];
    assert_eq!(command["Comment"], "a comment");
    assert_eq!(command["Parameters"]["commands"], json!(["echo late"]));
    assert_eq!(
        (&command["Status"], &command["CompletedCount"]),
        (&json!("Success"), &json!(1))
    );
    assert_eq!(
        end(&sandbox.endpoint(), &waiting)["StandardOutputContent"],
        "late\n"
    );
    let kept: Vec<_> = fs::read_dir(place.root().join("commands").join(&waiting))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(kept.len(), 2, "what is not needed any more stays: {kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_kept_for_30_days() {
    let place = Place::new();
    let sandbox = Sandbox::start(place.options()).await.unwrap();
    let old = send(&sandbox.endpoint(), &["true"], "60");
    let new = send(&sandbox.endpoint(), &["true"], "60");
    end(&sandbox.endpoint(), &old);
    end(&sandbox.endpoint(), &new);
    sandbox.shutdown().await;
    let file = place.root().join(format!("commands/{old}/command.json"));
    let mut accepted: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let requested_at = accepted["requested_at"].as_i64().unwrap();
    accepted["requested_at"] = (requested_at - 31 * 86_400 * 1_000).into();
    fs::write(&file, accepted.to_string()).unwrap();

    let sandbox = Sandbox::start(place.options()).await.unwrap();
    let (_, answer) = call(&sandbox.endpoint(), "AmazonSSM.ListCommands", &json!({}));
    let left: Vec<_> = answer["Commands"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["CommandId"])
        .collect();
    assert_eq!(left, [&json!(new)]);
    let agent = place
        .host()
        .join(format!("var/lib/amazon/ssm/{WEB}/document/orchestration"));
    assert!(agent.join(&new).exists());
    assert!(!agent.join(&old).exists());
}
