//! A sandbox in a process of its own, which outlives the commands of a story.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::story::Story;

/// Ends with the test.
pub(crate) struct Standing {
    child: Child,
    endpoint: String,
    hosts: PathBuf,
}

impl Standing {
    /// Starts `fleet sandbox` in the story's folder and waits until it is ready.
    pub(crate) fn start(story: &Story, arguments: &str) -> Self {
        let command = story.shell(&format!("exec fleet sandbox {arguments}"));
        Self::spawn(command, story.folder().join(".fleet/sandbox/hosts"))
    }

    /// The same with a command of the caller's.
    pub(crate) fn spawn(mut command: Command, hosts: PathBuf) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a sandbox");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("a line");
        let ready: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(ready["format"], "fleet.sandbox/1");
        Self {
            child,
            endpoint: ready["endpoint"].as_str().expect("a URL").to_owned(),
            hosts,
        }
    }

    /// Starts one that stands for AWS, with this account's credentials.
    pub(crate) fn aws(story: &mut Story, arguments: &str) -> Self {
        let sandbox = Self::start(story, arguments);
        credentials(story);
        story.set("AWS_ENDPOINT_URL_SSM", &sandbox.endpoint);
        sandbox
    }

    /// The folder of an instance that `--instance` named.
    pub(crate) fn instance(&self, id: &str) -> PathBuf {
        self.hosts.join("standalone").join(id)
    }

    /// What an instance has in a file, by line.
    pub(crate) fn lines(&self, id: &str, file: &str) -> Vec<String> {
        fs::read_to_string(self.instance(id).join(file))
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Calls an operation of the sandbox's own.
    pub(crate) fn call(&self, operation: &str, body: &str) -> Value {
        let address = self.endpoint.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("a connection");
        write!(
            stream,
            "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-amz-json-1.1\r\n\
             X-Amz-Target: FleetSandbox.{operation}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len(),
        )
        .expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
        assert!(head.starts_with("HTTP/1.1 200"), "{operation}: {answer}");
        serde_json::from_str(body).expect("JSON")
    }

    /// How often an operation was called and how often it was refused with a code.
    pub(crate) fn count(&self, operation: &str, code: &str) -> (u64, u64) {
        let counters = self.call("Counters", "{}");
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        (
            number(&counters["Calls"][operation]),
            number(&counters["Errors"][operation][code]),
        )
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Credentials that a sandbox takes, as it takes any.
pub(crate) fn credentials(story: &mut Story) {
    story.set("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
    story.set(
        "AWS_SECRET_ACCESS_KEY",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    );
}

/// Waits until something is so, at most a minute.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "waited a minute for {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}
