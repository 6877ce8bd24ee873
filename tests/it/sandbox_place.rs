//! A folder for a sandbox, a process that runs one, and calls without an SDK.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fleet::model::desired::Platform;
use fleet::sandbox::{SandboxInstance, SandboxOptions, serve};
use serde_json::{Value, json};

use crate::support::{RealClock, RealRandom};

pub(crate) const WEB: &str = "i-00000000000000001";
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder for a sandbox, and the host `lab/web` in it.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join(".fleet/sandbox")
    }

    pub(crate) fn host(&self) -> PathBuf {
        self.root().join("hosts/lab/web")
    }

    pub(crate) fn options(&self) -> SandboxOptions {
        options(&self.root())
    }

    /// A sandbox in a process of its own, to be killed.
    pub(crate) fn server(&self) -> Server {
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sandbox_place::server_process", "--ignored"])
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

pub(crate) struct Server {
    process: Child,
    pub(crate) endpoint: String,
}

impl Server {
    pub(crate) fn kill(mut self) {
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

pub(crate) fn options(root: &Path) -> SandboxOptions {
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

pub(crate) fn answers(endpoint: &str) -> bool {
    TcpStream::connect(endpoint.trim_start_matches("http://")).is_ok()
}

/// One call, without an SDK.
pub(crate) fn call(endpoint: &str, target: &str, body: &Value) -> (u16, Value) {
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

pub(crate) fn send(endpoint: &str, lines: &[&str], timeout: &str) -> String {
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

pub(crate) fn invocation(endpoint: &str, command: &str) -> Value {
    let request = json!({ "CommandId": command, "InstanceId": WEB });
    call(endpoint, "AmazonSSM.GetCommandInvocation", &request).1
}

/// The invocation once it has ended.
pub(crate) fn end(endpoint: &str, command: &str) -> Value {
    let mut last = Value::Null;
    wait(|| {
        last = invocation(endpoint, command);
        let open = ["Pending", "InProgress", "Cancelling"];
        !open.contains(&last["Status"].as_str().unwrap())
    });
    last
}

pub(crate) fn wait(mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "it never was so");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A script that says that it started and waits for the file `go`.
pub(crate) const WAITING: [&str; 4] = [
    "echo started >>$FLEET_ROOT/runs",
    "echo before",
    "while [ -d $FLEET_ROOT ] && [ ! -e $FLEET_ROOT/go ]; do sleep 0.05; done",
    "echo after; echo ended >>$FLEET_ROOT/runs",
];

pub(crate) fn runs(place: &Place) -> String {
    fs::read_to_string(place.host().join("runs")).unwrap_or_default()
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
