//! A sandbox that dies, and who comes after it: scripts go on, results are found, nothing runs
//! twice that did not have to.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fleet::model::desired::Platform;
use fleet::model::id::InstanceId;
use fleet::sandbox::{
    Faults, Sandbox, SandboxError, SandboxInstance, SandboxOptions, connect_or_start, serve,
};
use serde_json::{Value, json};

use crate::support::{RealClock, RealRandom};

const WEB: &str = "i-00000000000000001";
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder for a sandbox, and the host `lab/web` in it.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join(".fleet/sandbox")
    }

    fn host(&self) -> PathBuf {
        self.root().join("hosts/lab/web")
    }

    fn options(&self) -> SandboxOptions {
        options(&self.root())
    }

    /// A sandbox in a process of its own, to be killed.
    fn server(&self) -> Server {
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sandbox_restart::server_process", "--ignored"])
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let file = self.root().join("endpoint");
        wait(|| fs::read_to_string(&file).is_ok_and(|text| answers(text.trim())));
        let endpoint = fs::read_to_string(file).unwrap().trim().to_owned();
        Server { process, endpoint }
    }
}

struct Server {
    process: Child,
    endpoint: String,
}

impl Server {
    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}

fn options(root: &Path) -> SandboxOptions {
    let mut options = SandboxOptions::new(
        root,
        std::env::vars_os().collect(),
        std::sync::Arc::new(RealClock::new()),
        std::sync::Arc::new(RealRandom),
    );
    options.instances = vec![SandboxInstance::host(
        "lab".into(),
        "web".into(),
        WEB.into(),
        Platform::Linux,
    )];
    options
}

/// Not a test: what [`Place::server`] runs. Ends with its parent, and after a minute.
#[tokio::test]
#[ignore = "a helper process of other tests"]
async fn server_process() {
    let root = std::env::current_dir().unwrap().join(".fleet/sandbox");
    let parent_is_gone =
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let end = async {
        drop(tokio::time::timeout(Duration::from_secs(60), parent_is_gone).await);
    };
    serve(options(&root), |_| {}, end).await.unwrap();
}

fn answers(endpoint: &str) -> bool {
    TcpStream::connect(endpoint.trim_start_matches("http://")).is_ok()
}

/// One call, without an SDK.
fn call(endpoint: &str, target: &str, body: &Value) -> (u16, Value) {
    let address = endpoint.trim_start_matches("http://");
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-amz-json-1.1\r\n\
         Authorization: any\r\nX-Amz-Target: {target}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap())
}

fn send(endpoint: &str, lines: &[&str], timeout: &str) -> String {
    let request = json!({
        "DocumentName": "AWS-RunShellScript",
        "InstanceIds": [WEB],
        "Comment": "a comment",
        "Parameters": { "commands": lines, "executionTimeout": [timeout] },
    });
    let (status, answer) = call(endpoint, "AmazonSSM.SendCommand", &request);
    assert_eq!(status, 200, "{answer}");
    answer["Command"]["CommandId"].as_str().unwrap().to_owned()
}

fn invocation(endpoint: &str, command: &str) -> Value {
    let request = json!({ "CommandId": command, "InstanceId": WEB });
    call(endpoint, "AmazonSSM.GetCommandInvocation", &request).1
}

/// The invocation once it has ended.
fn end(endpoint: &str, command: &str) -> Value {
    let mut last = Value::Null;
    wait(|| {
        last = invocation(endpoint, command);
        let open = ["Pending", "InProgress", "Cancelling"];
        !open.contains(&last["Status"].as_str().unwrap())
    });
    last
}

fn wait(mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "it never was so");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A script that says that it started and waits for the file `go`.
const WAITING: [&str; 4] = [
    "echo started >>$FLEET_ROOT/runs",
    "echo before",
    "while [ ! -e $FLEET_ROOT/go ]; do sleep 0.05; done",
    "echo after; echo ended >>$FLEET_ROOT/runs",
];

fn runs(place: &Place) -> String {
    fs::read_to_string(place.host().join("runs")).unwrap_or_default()
}

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
    let control = place.root().join(format!("commands/{command}/{WEB}/run"));
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
async fn a_folder_has_one_owner() {
    let place = Place::new();
    let sandbox = Sandbox::start(place.options()).await.unwrap();
    let second = Sandbox::start(place.options()).await;
    assert!(
        matches!(second, Err(SandboxError::InUse { .. })),
        "{second:?}"
    );
    sandbox.shutdown().await;
    Sandbox::start(place.options()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn others_use_the_owners_endpoint_and_inherit_it() {
    let place = Place::new();
    let server = place.server();
    let mut options = place.options();
    let other = SandboxInstance::host(
        "lab".into(),
        "db".into(),
        "i-00000000000000002".into(),
        Platform::Linux,
    );
    options.instances.push(other);
    let handle = connect_or_start(options).await.unwrap();
    assert!(!handle.is_started_here());
    assert_eq!(handle.endpoint(), server.endpoint);
    let (_, answer) = call(
        handle.endpoint(),
        "AmazonSSM.DescribeInstanceInformation",
        &json!({}),
    );
    assert_eq!(
        answer["InstanceInformationList"].as_array().unwrap().len(),
        2
    );

    let command = send(handle.endpoint(), &WAITING, "60");
    wait(|| runs(&place) == "started\n");
    server.kill();
    wait(|| answers(handle.endpoint()));
    fs::write(place.host().join("go"), "").unwrap();
    assert_eq!(end(handle.endpoint(), &command)["Status"], "Success");
    assert_eq!(runs(&place), "started\nended\n");
    handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_first_starts_it() {
    let place = Place::new();
    let (one, two) = tokio::join!(
        connect_or_start(place.options()),
        connect_or_start(place.options())
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.endpoint(), two.endpoint());
    assert!(one.is_started_here() != two.is_started_here());
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_registered_once_and_stay() {
    let place = Place::new();
    let sandbox = Sandbox::start(place.options()).await.unwrap();
    let host = json!({ "InstanceId": "i-00000000000000003", "Platform": "linux", "Environment": "lab", "Host": "web" });
    for _ in 0..2 {
        let (status, answer) = call(
            &sandbox.endpoint(),
            "FleetSandbox.Register",
            &json!({ "Instances": [host] }),
        );
        assert_eq!(
            (status, &answer["Instances"][0]["Online"]),
            (200, &json!(true))
        );
    }
    sandbox.shutdown().await;
    let mut options = place.options();
    options.instances.clear();
    let sandbox = Sandbox::start(options).await.unwrap();
    let (_, answer) = call(
        &sandbox.endpoint(),
        "AmazonSSM.DescribeInstanceInformation",
        &json!({}),
    );
    let list = answer["InstanceInformationList"].as_array().unwrap();
    // It has taken over the folder of the one before: two agents in one folder there never are.
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["InstanceId"], "i-00000000000000003");

    for (key, bad) in [
        ("InstanceId", "web-1"),
        ("Host", "../../escape"),
        ("Environment", ""),
        ("Platform", "vms"),
    ] {
        let mut host = host.clone();
        host[key] = bad.into();
        let (status, _) = call(
            &sandbox.endpoint(),
            "FleetSandbox.Register",
            &json!({ "Instances": [host] }),
        );
        assert_eq!(status, 400, "{key} {bad}");
    }
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let place = Place::new();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let mut options = place.options();
        options.listen = address.parse().unwrap();
        let refused = Sandbox::start(options).await;
        assert!(
            matches!(refused, Err(SandboxError::NotLoopback { .. })),
            "{refused:?}"
        );
    }
    assert!(!place.root().exists());
}

#[tokio::test]
async fn a_folder_that_is_no_sandboxs_is_refused_by_name() {
    let place = Place::new();
    Sandbox::start(place.options())
        .await
        .unwrap()
        .shutdown()
        .await;
    let file = place.root().join("instances.json");
    fs::write(&file, "not JSON").unwrap();
    let refused = Sandbox::start(place.options()).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "{} is not a file of the sandbox",
            file.canonicalize().unwrap().display()
        )
    );
}

#[test]
fn a_faults_file_says_what_it_means_or_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("faults.yaml");
    fs::write(
        &file,
        "throttle:\n- { operation: SendCommand, calls: 3 }\noffline: [i-0123abcd]\n",
    )
    .unwrap();
    let faults = Faults::load(&file).unwrap();
    assert_eq!(faults.throttle[0].calls, Some(3));
    assert_eq!(faults.offline, vec![InstanceId::from("i-0123abcd")]);
    fs::write(&file, "throttle: [{ operation: SendCommand, call: 3 }]").unwrap();
    assert!(matches!(
        Faults::load(&file),
        Err(SandboxError::Faults { .. })
    ));
    assert!(matches!(
        Faults::load(&place.path().join("none")),
        Err(SandboxError::Folder { .. })
    ));
}

#[tokio::test]
async fn it_serves_until_it_is_told_to_stop() {
    let place = Place::new();
    let (told, stop) = tokio::sync::oneshot::channel::<String>();
    let mut told = Some(told);
    let mut endpoint = String::new();
    serve(
        place.options(),
        |ready| {
            let json = serde_json::to_value(ready).unwrap();
            assert_eq!(json["format"], "fleet.sandbox/1");
            told.take()
                .unwrap()
                .send(json["endpoint"].as_str().unwrap().to_owned())
                .unwrap();
        },
        async {
            endpoint = stop.await.unwrap();
            assert!(answers(&endpoint));
        },
    )
    .await
    .unwrap();
    assert!(!answers(&endpoint));
}
