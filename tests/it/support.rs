//! What tests of several modules share: the real clock and chance, and Python with boto3.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fleet::model::clock::{Clock, Random};
use fleet::model::time::Timestamp;

/// The machine's time.
pub(crate) struct RealClock(Instant);

impl RealClock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock of the tests")]
    fn now(&self) -> Timestamp {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_unix(i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Real chance: command ids of two runs of a test must differ.
pub(crate) struct RealRandom;

impl Random for RealRandom {
    fn next(&self) -> u32 {
        fastrand::u32(..)
    }
}

/// Writes a program. Another process does it: a thread of ours that forks in the middle of a write
/// would have the file open for writing, and nobody could execute it yet (`ETXTBSY`).
pub(crate) fn executable(path: &Path, text: &str) {
    let mut shell = Command::new("sh")
        .args([
            "-c",
            r#"mkdir -p "${1%/*}" && cat >"$1" && chmod 755 "$1""#,
            "sh",
        ])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = shell.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    assert!(shell.wait().unwrap().success(), "{}", path.display());
}

/// A Python that can import boto3: `FLEET_TEST_PYTHON`, else `python3`. None where there is none.
#[expect(
    clippy::disallowed_methods,
    reason = "tests have no cli that reads the environment"
)]
pub(crate) fn python() -> Option<String> {
    let python = std::env::var("FLEET_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_boto3 = Command::new(&python)
        .args(["-c", "import boto3"])
        .output()
        .is_ok_and(|output| output.status.success());
    has_boto3.then_some(python)
}
