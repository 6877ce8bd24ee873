//! What only a real PowerShell can judge. Where there is none, the cases are skipped and counted.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that reports by itself, for the test harness cannot skip"
)]

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, ExitCode, Output};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fleet::host::syntax::{Checker, SyntaxCheck, check};
use fleet::model::bundle::Bundle;
use fleet::model::desired::{Assignment, Host, Platform, Value, Variables};
use fleet::model::source::Tree;
use fleet::model::time::Seconds;
use fleet::render::Templates;

const CASES: &[(&str, fn())] = &[
    ("values reach a script byte for byte", values_arrive),
    ("its parser takes what is rendered", rendered_parses),
    ("its parser names the line of an error", errors_are_found),
    ("its operators of 7 are told", newer_is_told),
    ("a script that is checked does not run", nothing_runs),
];

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    if Command::new("pwsh").arg("-Version").output().is_err() {
        println!(
            "powershell: {} tests skipped, there is no pwsh on the PATH",
            CASES.len()
        );
        return ExitCode::SUCCESS;
    }
    let failed = CASES.iter().filter(|(name, case)| {
        let is_ok = std::panic::catch_unwind(case).is_ok();
        println!(
            "powershell: {name}: {}",
            if is_ok { "ok" } else { "FAILED" }
        );
        !is_ok
    });
    match failed.count() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// What must come through as it is.
const TRICKS: [&str; 18] = [
    "",
    " ",
    "'",
    "''",
    "\"",
    "`n",
    "$(exit 7)",
    "$env:PATH",
    "'; exit 7; '",
    "’; exit 7; ‘",
    "‚‛‘’“”„",
    "a\nb\n",
    "\n'@\n",
    "\t#<#",
    "Ò–é\u{301}\u{1f600}",
    "{{version}}",
    "a,b)",
    "-Force",
];

const SCRIPT: &str = "\
#Requires -Version 5.1
# It's a comment
$ErrorActionPreference = 'Stop'
Set-StrictMode -Version 2.0
$one = {{variables.one}}
$all = {{list variables.all}}

foreach ($text in @($one) + $all) {
    [Console]::Out.WriteLine('=' + [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($text)))
}
";

/// The rendered deploy script.
fn bundle(source: &str, one: &str) -> Bundle {
    let tree = Tree::default().with("templates/app/deploy.ps1.hbs", source);
    let (templates, problems) = Templates::compile(&tree);
    assert_eq!(problems, []);
    let all = TRICKS.map(str::to_owned).to_vec();
    let variables: Arc<Variables> = Arc::new(BTreeMap::from([
        ("one".to_owned(), Value::Scalar(one.to_owned())),
        ("all".to_owned(), Value::List(all)),
    ]));
    let assignment = Assignment {
        shared_variables: Arc::clone(&variables),
        variables,
        ..Assignment::new("1.2.3".into(), "app".into(), Seconds(60))
    };
    let host = Host {
        name: "web-1".into(),
        instance: "i-0123456789abcdef0".into(),
        platform: Platform::Windows,
        labels: BTreeMap::new(),
        hold: None,
        services: BTreeMap::new(),
    };
    let bundle = templates.bundle(&"lab".into(), &host, &"app".into(), &assignment);
    bundle.unwrap()
}

/// Runs a script as it lies on a host: in a file with a byte order mark.
fn run(script: &[u8]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deploy.ps1");
    fs::write(&file, ["\u{feff}".as_bytes(), script].concat()).unwrap();
    let mut command = Command::new("pwsh");
    command.args(["-NoLogo", "-NoProfile", "-NonInteractive", "-File"]);
    command.arg(&file).output().unwrap()
}

fn values_arrive() {
    for one in TRICKS {
        let output = run(&bundle(SCRIPT, one).files["deploy.ps1"]);
        assert!(output.status.success(), "{one:?}: {output:?}");
        let printed = String::from_utf8(output.stdout).unwrap();
        let found: Vec<String> = printed
            .lines()
            .map(|line| BASE64.decode(line.strip_prefix('=').unwrap()).unwrap())
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .collect();
        let expected = [&[one], &TRICKS[..]].concat();
        assert_eq!(found, expected, "{one:?}");
    }
}

fn rendered_parses() {
    let found = check(&bundle(SCRIPT, "it's"), Platform::Windows);
    assert_eq!(found, SyntaxCheck::Checked(Checker::PowerShell, Vec::new()));
}

fn errors_are_found() {
    let source = "$one = {{variables.one}}\n\nif ($one {\n    $one\n}\n";
    // The value has a line of its own.
    let found = check(&bundle(source, "a\nb"), Platform::Windows);
    let SyntaxCheck::Checked(Checker::PowerShell, problems) = found else {
        panic!("{found:?}")
    };
    assert_eq!(problems[0].file, "deploy.ps1");
    assert_eq!(problems[0].line, Some(4), "{problems:?}");
    assert!(!problems[0].message.is_empty());
}

fn newer_is_told() {
    let source = "$one = {{variables.one}}\n\n$two = $one ?? 'x'\n$three = $one ? 1 : 2\n";
    let found = check(&bundle(source, "a"), Platform::Windows);
    let SyntaxCheck::Checked(Checker::PowerShell, problems) = found else {
        panic!("{found:?}")
    };
    let lines: Vec<_> = problems
        .iter()
        .map(|one| (one.line, one.is_newer))
        .collect();
    assert_eq!(lines, [(Some(3), true), (Some(4), true)], "{problems:?}");
}

fn nothing_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ran");
    let source = "$one = {{variables.one}}\n\n[IO.File]::WriteAllText($one, 'ran')\nexit 3\n";
    let found = check(&bundle(source, file.to_str().unwrap()), Platform::Windows);
    assert_eq!(found, SyntaxCheck::Checked(Checker::PowerShell, Vec::new()));
    assert!(!file.exists());
}
