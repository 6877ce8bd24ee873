//! What is written is read back, in a form that people and other programs can live with.

use std::fs;

use fleet::ledger::memory::MemoryLedger;
use fleet::ledger::{Committed, Ledger, LedgerError};
use fleet::model::ledger::{LedgerCommit, Write};

use super::controller::{BRANCH, Controller, open, production};
use super::samples::{ROLLOUT, blocked, commit, host, intent, outcome, plan, progress, wave};
use crate::lab::Lab;

/// The records of an environment, without the commits they are from.
async fn records(ledger: &dyn Ledger) -> String {
    let mut read = ledger.read(&production()).await.unwrap();
    (read.tip, read.ledger_revision) = (None, None);
    let rollouts = ledger.rollouts(&production()).await.unwrap();
    let rollout = ledger
        .rollout(&production(), &ROLLOUT.into())
        .await
        .unwrap();
    format!("{read:#?}\n{rollouts:#?}\n{rollout:#?}")
}

/// Commits on each ledger's own tip; all of them must then read the same.
async fn on_each(ledgers: &[&dyn Ledger], commit: &LedgerCommit) {
    let mut texts = Vec::new();
    for ledger in ledgers {
        let base = ledger.read(&production()).await.unwrap().tip;
        let commit = LedgerCommit {
            base,
            ..commit.clone()
        };
        let committed = ledger.commit(&commit).await.unwrap();
        let tip = ledger.read(&production()).await.unwrap().tip.unwrap();
        assert_eq!(committed, Committed::Accepted(tip));
        texts.push(records(*ledger).await);
    }
    for text in &texts[1..] {
        assert_eq!(text, &texts[0]);
    }
}

#[tokio::test]
async fn every_record_makes_the_round_trip_with_and_without_remote() {
    let lab = Lab::new();
    let remote = Controller::new(&lab, "one");
    let local = Controller::local(&lab);
    let memory = MemoryLedger::new();
    let ledgers: [&dyn Ledger; 3] = [&memory, &remote.ledger, &local.ledger];
    for ledger in ledgers {
        ledger.fetch().await.unwrap();
        let read = ledger.read(&production()).await.unwrap();
        assert_eq!((read.tip, read.ledger_revision), (None, None));
    }
    on_each(&ledgers, &intent(None, 100)).await;
    on_each(&ledgers, &progress(None, 100, 300)).await;
    on_each(&ledgers, &outcome(None, 100)).await;
    on_each(&ledgers, &commit(None, vec![blocked(false)])).await;
    on_each(&ledgers, &commit(None, vec![host("1.10")])).await;

    let other = Controller::new(&lab, "two");
    other.ledger.fetch().await.unwrap();
    assert_eq!(records(&other.ledger).await, records(&memory).await);
    let read = other.read().await;
    let wave = wave(1, 100, None);
    assert_eq!(read.blocked.blocks.len(), 0);
    let id = ROLLOUT.into();
    let rollout = other.ledger.rollout(&production(), &id).await;
    let rollout = rollout.unwrap().unwrap();
    assert_eq!(rollout.plan, plan());
    assert_eq!(rollout.waves[0].intent_at, wave.intent_at);
}

#[tokio::test]
async fn equal_records_are_equal_bytes() {
    let lab = Lab::new();
    let (remote, local) = (Controller::new(&lab, "one"), Controller::local(&lab));
    for controller in [&remote, &local] {
        let first = controller.accepted(&intent(None, 100)).await;
        controller.accepted(&outcome(Some(first), 100)).await;
    }
    assert_eq!(
        lab.git(&lab.remote(), &["rev-parse", BRANCH]),
        lab.git(&local.folder, &["rev-parse", BRANCH])
    );
}

#[tokio::test]
async fn the_branch_is_sound_and_tells_its_story() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    let mut made = intent(None, 100);
    made.subject = "production: metricus\n\nFleet-Outcome: forged".to_owned();
    made.trailers
        .push(("Fleet-Revision", "5d41402a".to_owned()));
    let first = one.accepted(&made).await;
    one.accepted(&outcome(Some(first), 100)).await;
    lab.git(&lab.remote(), &["fsck", "--strict", "--full"]);
    let format = "--format=%s|%(trailers:key=Fleet-Rollout,valueonly,separator=%x2C)|\
                  %(trailers:key=Fleet-Outcome,valueonly,separator=%x2C)|%an|%ae|%at|%ct";
    let log = lab.remote_lines(&["log", "--reverse", format, BRANCH]);
    assert_eq!(
        log,
        [
            format!(
                "production: metricus Fleet-Outcome: forged|{ROLLOUT}||\
                 A Controller|fleet@example.org|1795136500|1795136500"
            ),
            format!(
                "production: metricus 0.5.0 → 1.10 on 1 of 1 hosts|{ROLLOUT}||\
                 A Controller|fleet@example.org|1795136500|1795136500"
            ),
        ]
    );
    let paths = lab.remote_lines(&["ls-tree", "-r", "--name-only", BRANCH]);
    let rollout = format!("production/rollouts/{ROLLOUT}");
    assert_eq!(
        paths,
        [
            "README.md",
            "ledger.yaml",
            "production/blocked.yaml",
            "production/environment.yaml",
            "production/hosts/hosting-1.yaml",
            &format!("{rollout}/plan.json"),
            &format!("{rollout}/rollout.yaml"),
            &format!("{rollout}/wave-1.yaml"),
        ]
    );
    assert!(paths.iter().all(|path| !path.contains(':')));
    let history = [
        "log",
        "--format=%h",
        BRANCH,
        "--",
        "production/hosts/hosting-1.yaml",
    ];
    assert_eq!(lab.remote_lines(&history).len(), 1);
    let page = lab.git(&lab.remote(), &["show", &format!("{BRANCH}:README.md")]);
    assert!(page.contains("| metricus | 0.5.0 | 1 |"), "{page}");
    assert!(
        page.contains("| hosting-1 | metricus | 0.5.0 | rolled_back |"),
        "{page}"
    );
}

#[tokio::test]
async fn the_users_branches_and_work_tree_stay_as_they_are() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    fs::write(one.folder.join("fleet.yaml"), "name: changed\n").unwrap();
    let before = lab.git(&one.folder, &["status", "--porcelain=v2", "--branch"]);
    one.ledger.fetch().await.unwrap();
    one.accepted(&intent(None, 100)).await;
    assert_eq!(
        lab.git(&one.folder, &["status", "--porcelain=v2", "--branch"]),
        before
    );
    let heads = lab.git(
        &one.folder,
        &["for-each-ref", "--format=%(refname)", "refs/heads"],
    );
    assert_eq!(heads, "refs/heads/main");
}

/// A ledger that somebody writes by hand.
struct ByHand {
    lab: Lab,
    one: Controller,
}

impl ByHand {
    async fn new() -> Self {
        let lab = Lab::new();
        let one = Controller::new(&lab, "one");
        let first = one.accepted(&intent(None, 100)).await;
        let writes = vec![host("0.5.0"), blocked(true)];
        one.accepted(&commit(Some(first), writes)).await;
        Self { lab, one }
    }

    /// Which commit a hand's text is in, and what reading says then.
    async fn writes(&self, path: &str, text: &str) -> (String, LedgerError) {
        let revision = self.lab.foreign(BRANCH, path, text);
        self.one.ledger.fetch().await.unwrap();
        let read = self.one.ledger.read(&production()).await;
        (revision, read.unwrap_err())
    }

    async fn is_corrupt(&self, path: &str, text: &str) {
        let file = format!("{BRANCH}:{path}");
        let before = self.lab.git(&self.lab.remote(), &["show", &file]);
        let (at, error) = self.writes(path, text).await;
        let said = error.to_string();
        assert!(matches!(error, LedgerError::Corrupt { .. }), "{said}");
        assert!(said.contains(path) && said.contains(&at), "{said}");
        assert!(!error.is_transient());
        self.lab.foreign(BRANCH, path, &before);
        self.one.ledger.fetch().await.unwrap();
        self.one.read().await;
    }
}

#[tokio::test]
async fn a_corrupt_file_names_path_and_commit() {
    let hand = ByHand::new().await;
    let host = "production/hosts/hosting-1.yaml";
    hand.is_corrupt(host, "services: [\n").await;
    hand.is_corrupt(host, "services: {}\n").await;
    hand.is_corrupt(host, "").await;
    let misspelt = "instance: i-021ef46178a035ed0\nservices:\n  metricus: { versoin: 1.0.0, \
                    state: healthy, since: 2026-11-20T01:02:03Z, seconds: 1.0 }\n";
    hand.is_corrupt(host, misspelt).await;
    for (path, text) in [
        ("production/environment.yaml", "sequence: many\n"),
        ("production/environment.yaml", "sequence: 100\n"),
        ("production/blocked.yaml", "blocks: 1\n"),
        ("ledger.yaml", "format: one\n"),
    ] {
        hand.is_corrupt(path, text).await;
    }
    for (file, text) in [("plan.json", "{}\n"), ("wave-1.yaml", "- 1\n")] {
        let path = format!("production/rollouts/{ROLLOUT}/{file}");
        hand.is_corrupt(&path, text).await;
    }
    let (at, error) = hand.writes("production/hosts/notes.txt", "mine\n").await;
    let problem = "production/hosts/notes.txt at ";
    assert!(error.to_string().contains(problem), "{at}: {error}");
}

#[tokio::test]
async fn a_wave_behind_a_gap_is_not_overlooked() {
    let hand = ByHand::new().await;
    let folder = format!("production/rollouts/{ROLLOUT}");
    let wave = format!("{BRANCH}:{folder}/wave-1.yaml");
    let text = hand.lab.git(&hand.lab.remote(), &["show", &wave]);
    let third = format!("{folder}/wave-3.yaml");
    let (_, error) = hand.writes(&third, &format!("{text}\n")).await;
    assert!(error.to_string().contains("wave-2.yaml"), "{error}");
    let (_, error) = hand
        .writes(&format!("{folder}/wave-2.yaml"), &format!("{text}\n"))
        .await;
    assert!(error.to_string().contains("of another wave"), "{error}");
}

#[tokio::test]
async fn an_open_rollout_that_is_not_there_is_corrupt() {
    let hand = ByHand::new().await;
    let text = "sequence: 100\nopen: 20261120T010140Z-000000\nbaseline: null\n";
    let (_, error) = hand.writes("production/environment.yaml", text).await;
    let said = error.to_string();
    assert!(said.contains("rollouts/20261120T010140Z-000000"), "{said}");
    assert!(matches!(error, LedgerError::Corrupt { .. }), "{said}");
}

#[tokio::test]
async fn a_newer_ledger_is_neither_read_nor_written() {
    let hand = ByHand::new().await;
    let tip = hand.one.read().await.tip;
    let (_, read) = hand.writes("ledger.yaml", "format: 2\nnew: true\n").await;
    let ledger = &hand.one.ledger;
    let id = ROLLOUT.into();
    let rollouts = ledger.rollouts(&production()).await.unwrap_err();
    let rollout = ledger.rollout(&production(), &id).await.unwrap_err();
    let next = commit(tip, vec![host("1.10")]);
    let committed = ledger.commit(&next).await.unwrap_err();
    for error in [read, rollouts, rollout, committed] {
        assert!(
            matches!(
                error,
                LedgerError::Newer {
                    format: 2,
                    known: 1
                }
            ),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn without_a_name_nothing_is_committed() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    for key in ["user.email", "user.name"] {
        lab.git(&one.folder, &["config", key, ""]);
        let ledger = open(&one.folder, Some("origin"));
        let error = ledger.commit(&intent(None, 100)).await.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(
            cause,
            format!("git does not know who you are: {key} is not set")
        );
    }
    assert!(
        !lab.try_git(&lab.remote(), &["rev-parse", BRANCH])
            .status
            .success()
    );
}

#[tokio::test]
async fn a_commit_without_news_leaves_the_tip_where_it_is() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    let first = one.accepted(&intent(None, 100)).await;
    let again = one.accepted(&progress(Some(first.clone()), 100, 0)).await;
    let same = progress(Some(again.clone()), 100, 0);
    let same = one.accepted(&same).await;
    assert_eq!(one.read().await.tip, Some(same.clone()));
    let wave = Write::Wave(ROLLOUT.into(), wave(1, 100, None));
    one.accepted(&commit(Some(same), vec![wave])).await;
}
