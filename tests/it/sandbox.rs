//! The sandbox, seen by clients that are not ours.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use fleet::model::desired::Platform;
use fleet::sandbox::{Sandbox, SandboxInstance, SandboxOptions};

use crate::support::{RealClock, RealRandom, python};

fn options(root: &Path) -> SandboxOptions {
    let planted = [
        ("AWS_SECRET_ACCESS_KEY", "no script sees it"),
        ("SSH_AUTH_SOCK", "no script sees it"),
        ("GIT_DIR", "no script sees it"),
        ("FLEET_TEST", "no script sees it"),
        ("SANDBOX_TEST_KEPT", "kept"),
    ];
    let environment = std::env::vars_os()
        .chain(planted.map(|(name, value)| (name.into(), value.into())))
        .collect();
    SandboxOptions::new(
        root,
        environment,
        Arc::new(RealClock::new()),
        Arc::new(RealRandom),
    )
}

/// Runs a module of `tests/sandbox_boto3` against a fresh sandbox and says how many tests passed.
async fn boto3(module: &str) -> Option<usize> {
    let Some(python) = python() else {
        say_skipped(module);
        return None;
    };
    let place = tempfile::tempdir().unwrap();
    let mut options = options(&place.path().join(".fleet/sandbox"));
    options.instances = (0..60)
        .map(|n| {
            SandboxInstance::host(
                "lab".into(),
                format!("web-{n}").into(),
                format!("i-{n:017x}").into(),
                Platform::Linux,
            )
        })
        .chain([
            SandboxInstance::standalone("mi-0123456789abcdef0".into(), Platform::Linux),
            SandboxInstance::standalone("i-0123abcd".into(), Platform::Windows),
        ])
        .collect();
    let sandbox = Sandbox::start(options).await.unwrap();
    let endpoint = sandbox.endpoint();
    let root = place.path().join(".fleet/sandbox");
    let module = module.to_owned();
    let output = tokio::task::spawn_blocking(move || {
        Command::new(python)
            .args(["-m", "unittest", "-q", &module])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sandbox_boto3"))
            .env("SANDBOX_ENDPOINT", endpoint)
            .env("SANDBOX_ROOT", root)
            .output()
    })
    .await
    .unwrap()
    .unwrap();
    sandbox.shutdown().await;
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success(),
        "{report}{}",
        String::from_utf8_lossy(&output.stdout)
    );
    let ran = report
        .lines()
        .find_map(|line| line.strip_prefix("Ran ")?.split(' ').next()?.parse().ok());
    Some(ran.unwrap_or_else(|| panic!("no count in {report}")))
}

/// As a person would use it.
#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_sends_and_reads_back() {
    let has_cli = |python: &String| {
        let output = Command::new(python)
            .args(["-m", "awscli", "--version"])
            .output();
        output.is_ok_and(|output| output.status.success())
    };
    let Some(python) = python().filter(has_cli) else {
        say_skipped("the AWS CLI");
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let mut options = options(&place.path().join(".fleet/sandbox"));
    let instance = "i-0123456789abcdef0";
    options.instances = vec![SandboxInstance::standalone(
        instance.into(),
        Platform::Linux,
    )];
    let sandbox = Sandbox::start(options).await.unwrap();
    let endpoint = sandbox.endpoint();
    let aws = |arguments: &[&str]| {
        let output = Command::new(&python)
            .args([
                "-m",
                "awscli",
                "--endpoint-url",
                &endpoint,
                "--region",
                "eu-west-1",
            ])
            .args(["--output", "text", "ssm"])
            .args(arguments)
            .env("AWS_ACCESS_KEY_ID", "any")
            .env("AWS_SECRET_ACCESS_KEY", "any")
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().to_owned();
        (
            output.status.success(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let send = [
        "send-command",
        "--document-name",
        "AWS-RunShellScript",
        "--query",
        "Command.CommandId",
    ];
    let parameters = [
        "--parameters",
        r#"commands=["echo $AWS_SSM_INSTANCE_ID", "pwd"]"#,
    ];
    let (sent, command, error) =
        aws(&[&send[..], &parameters, &["--instance-ids", instance]].concat());
    assert!(sent, "{error}");
    let of_it = ["--command-id", &command, "--instance-id", instance];
    let get = |field| {
        let query = ["--query", field];
        aws(&[&["get-command-invocation"], &of_it[..], &query].concat()).1
    };
    while ["Pending", "InProgress"].contains(&get("Status").as_str()) {}
    let output = get("StandardOutputContent");
    let folder = place
        .path()
        .join(format!(".fleet/sandbox/hosts/standalone/{instance}"));
    assert_eq!(
        output,
        format!("{instance}\n{}", folder.canonicalize().unwrap().display())
    );
    let (sent, _, error) =
        aws(&[&send[..], &parameters, &["--instance-ids", "i-0123abcd"]].concat());
    assert!(!sent);
    assert!(error.contains("(InvalidInstanceId)"), "{error}");
    sandbox.shutdown().await;
}

/// On the terminal even where the test harness swallows what tests print.
fn say_skipped(module: &str) {
    let skipped = format!("skipped: {module} needs a Python with boto3 (FLEET_TEST_PYTHON)\n");
    std::io::stderr().write_all(skipped.as_bytes()).unwrap();
}

/// One module is one test: all of it must pass, and all of it must have run.
macro_rules! boto3_modules {
    ($($name:ident: $count:literal,)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            if let Some(ran) = boto3(concat!("test_", stringify!($name))).await {
                assert_eq!(ran, $count, "tests of boto3 that ran");
            }
        }
    )*};
}

boto3_modules! {
    send: 37,
    agent: 30,
    read: 22,
    faults: 24,
    model: 6,
}
