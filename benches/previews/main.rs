//! What `fleet plan` costs with every host in the ledger: `cargo bench --bench previews`.
//!
//! Makes a repository and a ledger with two services on each of 10,000 hosts, changes a version and
//! a line of every script and file, and runs the release binary under `/usr/bin/time`, which knows
//! the peak memory of another process.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]
#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot be set up has no figures"
)]

#[path = "../fixture/mod.rs"]
mod fixture;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use fleet::git::Repository;
use fleet::ledger::Ledger as _;
use fleet::ledger::store::GitLedger;
use fleet::model::clock::Random;
use fleet::model::desired::GitSettings;
use fleet::model::id::{InstanceId, Revision};
use fleet::model::ledger::{EnvironmentRecord, LedgerCommit, Write};
use fleet::model::observed::{HostRecord, ServiceRecord, ServiceState};
use fleet::model::source::{Entry, Tree};
use fleet::model::time::Timestamp;
use fleet::render::Templates;

const HOSTS: usize = 10_000;
const RUNS: usize = 5;
const AT: Timestamp = Timestamp::from_unix(1_795_136_500);

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    git(folder, &["init", "-q", "-b", "main"]);
    git(folder, &["config", "user.name", "Bench"]);
    git(folder, &["config", "user.email", "bench@acme.example"]);
    let before = fixture::repository(HOSTS, "1.0.0", "before");
    let revision = commit(folder, &before, "web 1.0.0");
    record(folder, &before, &revision);
    commit(
        folder,
        &fixture::repository(HOSTS, "1.1.0", "after"),
        "web 1.1.0",
    );

    println!("{HOSTS} hosts in the ledger, every one of them changes\n");
    println!("| `fleet plan` | wall | CPU | peak memory | bytes | lines |");
    println!("|---|---:|---:|---:|---:|---:|");
    for arguments in [
        "",
        "--format json",
        "--format markdown",
        "--diff",
        "--diff --format json",
        "--diff --format markdown",
    ] {
        row(folder, arguments);
    }
}

/// The best of some runs: what else the machine does only adds.
fn row(folder: &Path, arguments: &str) {
    let runs = (0..RUNS).map(|_| {
        let output = Command::new("/usr/bin/time")
            .args(["-f", "%e %U %S %M", env!("CARGO_BIN_EXE_fleet"), "plan"])
            .args(arguments.split_whitespace())
            .current_dir(folder)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let figures = text.lines().last().unwrap_or_default().split(' ');
        let figures: Vec<f64> = figures.filter_map(|it| it.parse().ok()).collect();
        let &[wall, user, system, memory] = figures.as_slice() else {
            panic!("{arguments}: {text}");
        };
        (wall, user + system, memory / 1024.0, output)
    });
    let all: Vec<(f64, f64, f64, Output)> = runs.collect();
    let least = |pick: fn(&(f64, f64, f64, Output)) -> f64| {
        all.iter().map(pick).fold(f64::INFINITY, f64::min)
    };
    let answer = &all[0].3.stdout;
    println!(
        "| `{arguments}` | {:.2} s | {:.2} s | {:.0} MiB | {} | {} |",
        least(|it| it.0),
        least(|it| it.1),
        least(|it| it.2),
        answer.len(),
        answer.iter().filter(|byte| **byte == b'\n').count()
    );
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn commit(folder: &Path, tree: &Tree, subject: &str) -> Revision {
    for (path, entry) in &tree.entries {
        let Entry::File(bytes) = entry else { continue };
        let path = folder.join(&**path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "-m", subject]);
    Revision::new(git(folder, &["rev-parse", "HEAD"]))
}

/// Writes down that every host runs what the tree says.
fn record(folder: &Path, tree: &Tree, revision: &Revision) {
    let fleet = fleet::manifest::load(tree).fleet.unwrap();
    let (templates, _) = Templates::compile(tree);
    let environment = fleet.environments.values().next().unwrap();
    let hosts = environment.hosts.values().map(|host| {
        let services = host.services.iter().map(|(service, assignment)| {
            let digests = templates
                .digests(&environment.name, host, service, assignment)
                .unwrap();
            let record = ServiceRecord {
                version: Some(assignment.version.clone()),
                previous_version: None,
                digest: Some(digests.digest),
                scripts: Some(digests.scripts),
                template: Some(digests.template),
                redeploy: digests.redeploy,
                drifted_from: None,
                repaired: None,
                state: ServiceState::Healthy,
                since: AT,
                rollout: Some("20261120T010140Z-3f2a91".into()),
                revision: Some(revision.clone()),
                previous_revision: None,
                command: Some("11111111-2222-3333-4444-555555555555".into()),
                seconds: 61.4,
                stages: [("backup".to_owned(), 4.1), ("extract".to_owned(), 9.0)].into(),
                facts: [("cutover".to_owned(), "8.2".to_owned())].into(),
                message: String::new(),
            };
            (service.clone(), Box::new(record))
        });
        let record = HostRecord {
            instance: InstanceId::clone(&host.instance),
            services: services.collect(),
        };
        Write::Host(host.name.clone(), record)
    });
    let first = Write::Environment(EnvironmentRecord {
        sequence: 1,
        open: None,
        baseline: None,
    });
    let settings = GitSettings {
        remote: None,
        ..GitSettings::default()
    };
    let ledger = GitLedger::new(
        Arc::new(Repository::discover(folder).unwrap()),
        &settings,
        fleet.name.clone(),
        Arc::new(NoChance),
    );
    let commit = LedgerCommit {
        environment: environment.name.clone(),
        base: None,
        subject: "everything runs".to_owned(),
        trailers: Vec::new(),
        writes: std::iter::once(first).chain(hosts).collect(),
        at: AT,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(ledger.commit(&commit)).unwrap();
}

/// Nobody else writes here.
struct NoChance;

impl Random for NoChance {
    fn next(&self) -> u32 {
        0
    }
}
