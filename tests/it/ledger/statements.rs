//! People's words on their own branch (protocol §3).

use fleet::ledger::{Ledger, LedgerError};
use fleet::model::statement::{Statement, Verb};

use super::controller::{BRANCH, Controller, production};
use super::samples::{ROLLOUT, at};
use crate::lab::Lab;

const STATEMENTS: &str = "fleet/statements";

fn said(by: &str, seconds: i64) -> Statement {
    Statement {
        fleet: "acme".into(),
        environment: production(),
        verb: Verb::Retry,
        plan: None,
        rollout: Some(ROLLOUT.into()),
        by: by.to_owned(),
        at: at(seconds),
    }
}

#[tokio::test]
async fn a_statement_is_a_plain_file_that_everybody_reads() {
    let lab = Lab::new();
    let (one, two) = (Controller::new(&lab, "one"), Controller::new(&lab, "two"));
    let late = one.ledger.state(&said("alice", 60)).await.unwrap();
    let early = one.ledger.state(&said("bob", 0)).await.unwrap();
    assert_eq!(early.content, Ok(said("bob", 0)));
    two.ledger.fetch().await.unwrap();
    let read = two.ledger.statements(&production()).await.unwrap();
    assert_eq!(read, [early.clone(), late]);
    assert_eq!(two.ledger.statements(&"staging".into()).await.unwrap(), []);

    let file = format!("{STATEMENTS}:{}", early.path);
    let text = lab.git(&lab.remote(), &["show", &file]);
    assert_eq!(
        text,
        format!(
            "fleet-statement/1\nfleet: acme\nenvironment: production\nverb: retry\nplan: -\n\
             rollout: {ROLLOUT}\nby: bob\nat: 2026-11-20T01:01:40Z"
        )
    );
    let name = early.path.strip_prefix("production/").unwrap();
    assert!(
        name.starts_with("20261120T010140Z-") && name.ends_with(".txt"),
        "{name}"
    );
    let paths = lab.remote_lines(&["ls-tree", "-r", "--name-only", STATEMENTS]);
    assert!(paths.iter().all(|path| !path.contains(':')), "{paths:?}");
    lab.git(&lab.remote(), &["fsck", "--strict", "--full"]);
    // Who may decide need not be able to write the ledger.
    assert!(
        !lab.try_git(&lab.remote(), &["rev-parse", BRANCH])
            .status
            .success()
    );
}

#[tokio::test]
async fn statements_work_without_remote() {
    let lab = Lab::new();
    let one = Controller::local(&lab);
    let file = one.ledger.state(&said("alice", 0)).await.unwrap();
    let read = one.ledger.statements(&production()).await.unwrap();
    assert_eq!(read, [file]);
}

#[tokio::test]
async fn people_who_speak_at_once_are_all_heard() {
    let lab = Lab::new();
    let (one, two) = (Controller::new(&lab, "one"), Controller::new(&lab, "two"));
    for round in 0..3 {
        let (alice, bob) = (said("alice", round), said("bob", round));
        let (first, second) = tokio::join!(one.ledger.state(&alice), two.ledger.state(&bob));
        assert_ne!(first.unwrap().path, second.unwrap().path);
    }
    one.ledger.fetch().await.unwrap();
    let read = one.ledger.statements(&production()).await.unwrap();
    assert_eq!(read.len(), 6);
    let commits = lab.remote_lines(&["rev-list", "--no-merges", STATEMENTS]);
    assert_eq!(commits.len(), 6);
}

#[tokio::test]
async fn a_file_by_hand_is_shown_with_what_is_wrong() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    let good = one.ledger.state(&said("alice", 0)).await.unwrap();
    lab.foreign(STATEMENTS, "production/a-hand.txt", "please go on\n");
    lab.foreign(STATEMENTS, "production/notes.md", "not a statement\n");
    one.ledger.fetch().await.unwrap();
    let read = one.ledger.statements(&production()).await.unwrap();
    assert_eq!(read.len(), 2);
    assert_eq!(read[0], good);
    assert_eq!(read[1].path, "production/a-hand.txt");
    assert_eq!(
        read[1].content,
        Err("does not begin with fleet-statement/1".to_owned())
    );
    assert_eq!(
        read[1].sha256,
        // printf 'please go on\n' | sha256sum
        fleet::model::id::Digest::of("please go on\n").as_str()["sha256:".len()..]
    );
}

#[tokio::test]
async fn a_statement_that_the_remote_refuses_or_cannot_hear_is_an_error() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    lab.hook("pre-receive", "exit 1\n");
    let refused = one.ledger.state(&said("alice", 0)).await;
    assert!(
        matches!(&refused, Err(LedgerError::Rejected { branch, .. }) if branch == STATEMENTS),
        "{refused:?}"
    );
    lab.remove_hook("pre-receive");
    lab.set_away(true);
    let unheard = one.ledger.state(&said("alice", 0)).await;
    assert!(
        matches!(unheard, Err(LedgerError::Unreachable { .. })),
        "{unheard:?}"
    );
    lab.set_away(false);
    one.ledger.fetch().await.unwrap();
    assert_eq!(one.ledger.statements(&production()).await.unwrap(), []);
}

#[tokio::test]
async fn a_statement_whose_answer_is_lost_is_made_once() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    lab.push_through(&one.folder, Some("git-receive-pack \"$1\"\nexit 1\n"));
    let file = one.ledger.state(&said("alice", 0)).await.unwrap();
    assert_eq!(one.ledger.statements(&production()).await.unwrap(), [file]);
    assert_eq!(lab.remote_lines(&["rev-list", STATEMENTS]).len(), 1);
}
