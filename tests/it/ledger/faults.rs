//! Pushes that did not clearly succeed (protocol §2).

use std::fs;

use fleet::ledger::{Committed, Ledger, LedgerError};

use super::controller::{BRANCH, Controller, open, production, subjects};
use super::samples::{commit, host, intent, outcome, progress};
use crate::lab::Lab;
use crate::support::executable;

#[tokio::test]
async fn a_hook_that_says_no_leaves_nothing_behind() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    lab.hook("pre-receive", "echo only bots may write here >&2\nexit 1\n");
    match one.ledger.commit(&intent(None, 100)).await {
        Err(LedgerError::Rejected {
            remote,
            branch,
            message,
        }) => {
            assert_eq!((remote.as_str(), branch.as_str()), ("origin", BRANCH));
            assert!(message.contains("pre-receive hook declined"), "{message}");
            assert!(message.contains("only bots may write here"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    assert!(
        !lab.try_git(&lab.remote(), &["rev-parse", BRANCH])
            .status
            .success()
    );
    assert_eq!(one.read().await.tip, None);
    lab.remove_hook("pre-receive");
    one.accepted(&intent(None, 100)).await;
}

#[tokio::test]
async fn a_remote_that_is_away_is_unreachable_and_nothing_is_in() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    let first = one.accepted(&intent(None, 100)).await;
    lab.set_away(true);
    one.unreachable(&outcome(Some(first.clone()), 100)).await;
    let fetched = one.ledger.fetch().await.unwrap_err();
    assert!(
        matches!(fetched, LedgerError::Unreachable { .. }),
        "{fetched:?}"
    );
    assert!(fetched.is_transient());
    assert_eq!(one.read().await.tip, Some(first.clone()));
    lab.set_away(false);
    one.ledger.fetch().await.unwrap();
    assert_eq!(subjects(&lab).len(), 1);
    one.accepted(&outcome(Some(first), 100)).await;
}

#[tokio::test]
async fn a_push_whose_answer_says_no_but_is_in_is_accepted_once() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    lab.push_through(&one.folder, Some("git-receive-pack \"$1\"\nexit 1\n"));
    let first = one.accepted(&intent(None, 100)).await;
    assert_eq!(subjects(&lab).len(), 1);
    assert_eq!(one.read().await.tip, Some(first));
}

/// The remote's process dies between the write and its answer.
const DIE: &str = "if [ \"$1\" = committed ]; then kill -9 $PPID; fi\n";

#[tokio::test]
async fn a_push_whose_answer_is_lost_is_accepted_once() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    lab.hook("reference-transaction", DIE);
    let first = one.accepted(&intent(None, 100)).await;
    assert_eq!(subjects(&lab).len(), 1);
    lab.remove_hook("reference-transaction");
    one.accepted(&outcome(Some(first), 100)).await;
    assert_eq!(subjects(&lab).len(), 2);
}

/// Takes the push and then goes away, so that nobody can ask whether it is in.
const VANISH: &str = "git-receive-pack \"$1\"\nmv \"$1\" \"$1/../away\"\nexit 1\n";

#[tokio::test]
async fn what_follows_an_unclear_push_is_made_on_it_when_it_turns_out_to_be_in() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    let first = one.accepted(&intent(None, 100)).await;
    lab.push_through(&one.folder, Some(VANISH));
    one.unreachable(&progress(Some(first.clone()), 100, 300))
        .await;
    lab.set_away(false);
    lab.push_through(&one.folder, None);
    one.accepted(&outcome(Some(first), 100)).await;
    assert_eq!(subjects(&lab).len(), 3);
    assert!(one.read().await.open.is_none());
}

#[tokio::test]
async fn several_unclear_pushes_in_a_row_are_still_ours() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    let first = one.accepted(&intent(None, 100)).await;
    lab.push_through(&one.folder, Some(VANISH));
    for seconds in [300, 600, 900] {
        one.unreachable(&progress(Some(first.clone()), 100, seconds))
            .await;
        lab.set_away(false);
        one.ledger.fetch().await.unwrap();
    }
    lab.push_through(&one.folder, None);
    one.accepted(&outcome(Some(first), 100)).await;
    assert_eq!(subjects(&lab).len(), 5);
}

#[tokio::test]
async fn an_unclear_push_is_nobody_elses() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    let first = one.accepted(&intent(None, 100)).await;
    lab.push_through(&one.folder, Some(VANISH));
    one.unreachable(&progress(Some(first.clone()), 100, 300))
        .await;
    lab.set_away(false);
    lab.push_through(&one.folder, None);
    // Another process knows only what the ledger says.
    let late = outcome(Some(first), 100);
    one.restarted().lost(&late).await;
    assert_eq!(subjects(&lab).len(), 2);
}

#[tokio::test]
async fn a_commit_behind_an_unclear_one_of_ours_is_a_take_over() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    let first = one.accepted(&intent(None, 100)).await;
    fs::write(lab.root().join("theirs"), "theirs\n").unwrap();
    lab.push_through(
        &one.folder,
        Some(&format!(
            "git-receive-pack \"$1\"\n{} \"$1\" {BRANCH} production/inventory.yaml {}\nexit 1\n",
            lab.foreign_script().display(),
            lab.root().join("theirs").display(),
        )),
    );
    let tip = one.lost(&progress(Some(first), 100, 300)).await;
    let log = lab.remote_lines(&["log", "--format=%H %s", BRANCH]);
    assert_eq!(log.len(), 3);
    assert_eq!(log[0], format!("{} A foreign commit", tip.unwrap()));
}

#[tokio::test]
async fn a_commit_on_another_environment_behind_an_unclear_one_of_ours_is_no_take_over() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    let first = one.accepted(&intent(None, 100)).await;
    fs::write(lab.root().join("theirs"), "theirs\n").unwrap();
    lab.push_through(
        &one.folder,
        Some(&format!(
            "git-receive-pack \"$1\"\n{} \"$1\" {BRANCH} staging/inventory.yaml {}\nexit 1\n",
            lab.foreign_script().display(),
            lab.root().join("theirs").display(),
        )),
    );
    let second = one.accepted(&progress(Some(first), 100, 300)).await;
    lab.push_through(&one.folder, None);
    assert_eq!(subjects(&lab).len(), 3);
    assert_eq!(one.read().await.tip, Some(second.clone()));
    one.accepted(&outcome(Some(second), 100)).await;
}

#[tokio::test]
async fn a_fetch_that_finds_nothing_new_asks_the_remote_once() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    let asked = lab.root().join("asked");
    let script = lab.script(
        "upload-pack",
        &format!(
            "echo asked >> {}\nexec git-upload-pack \"$@\"\n",
            asked.display()
        ),
    );
    let script = script.to_str().unwrap();
    lab.git(&one.folder, &["config", "remote.origin.uploadpack", script]);
    let questions = || {
        let said = fs::read_to_string(&asked).unwrap_or_default();
        fs::write(&asked, "").unwrap();
        said.lines().count()
    };
    one.accepted(&intent(None, 100)).await;
    assert_eq!(questions(), 0, "a push that is accepted asks nothing");
    one.ledger.fetch().await.unwrap();
    assert_eq!(
        questions(),
        2,
        "the desired branch is new: asked for, then brought"
    );
    one.ledger.fetch().await.unwrap();
    assert_eq!(questions(), 1);
    lab.foreign(BRANCH, "staging/inventory.yaml", "hosts: {}\n");
    one.ledger.fetch().await.unwrap();
    assert_eq!(questions(), 2);
}

#[tokio::test]
async fn no_hook_of_the_clone_runs() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    for hook in ["pre-push", "reference-transaction", "post-commit"] {
        let path = one.folder.join(".git/hooks").join(hook);
        let body = format!("#!/bin/sh\ntouch {}/ran\nexit 1\n", lab.root().display());
        executable(&path, &body);
    }
    one.accepted(&intent(None, 100)).await;
    one.ledger.fetch().await.unwrap();
    assert!(!lab.root().join("ran").exists());
}

#[tokio::test]
async fn tags_of_the_user_are_not_pushed_along() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    lab.git(&one.folder, &["config", "push.followTags", "true"]);
    one.accepted(&intent(None, 100)).await;
    let ledger = "refs/fleet/remote/observed";
    lab.git(&one.folder, &["tag", "-a", "-m", "mine", "mine", ledger]);
    let base = one.read().await.tip;
    one.accepted(&commit(base, vec![host("1.10")])).await;
    assert!(lab.remote_lines(&["tag"]).is_empty());
}

#[tokio::test]
async fn a_remote_that_the_repository_does_not_have_is_named() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    let ledger = open(&one.folder, Some("upstream"));
    let error = ledger.fetch().await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "the repository has no remote upstream");
    assert!(matches!(
        one.ledger.commit(&intent(None, 100)).await.unwrap(),
        Committed::Accepted(_)
    ));
    assert!(one.ledger.read(&production()).await.is_ok());
}
