//! History that was rewritten, and branches that are gone, stop an environment (protocol §2).

use fleet::ledger::{Committed, Ledger, LedgerError};
use fleet::model::id::Revision;
use fleet::model::ledger::LedgerCommit;

use super::controller::{BRANCH, Controller};
use super::samples::{commit, host, intent, outcome, progress};
use crate::lab::Lab;

fn assert_rewritten<T: std::fmt::Debug>(result: Result<T, LedgerError>, last: &Revision) {
    match result {
        Err(LedgerError::Rewritten { branch, seen }) => {
            assert_eq!((branch.as_str(), &seen), (BRANCH, last));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_rewritten_branch_stops_until_it_is_accepted() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    let first = one.accepted(&intent(None, 100)).await;
    let second = one.accepted(&progress(Some(first.clone()), 100, 300)).await;
    let reference = format!("refs/heads/{BRANCH}");
    lab.git(&lab.remote(), &["update-ref", &reference, first.as_str()]);

    // What is decided on the tip of before the rewrite, or on the one after it: nothing goes in.
    for base in [&second, &first] {
        let commit = outcome(Some(base.clone()), 100);
        assert_rewritten(one.ledger.commit(&commit).await, &second);
    }
    for controller in [&one, &one.restarted()] {
        for _ in 0..2 {
            assert_rewritten(controller.ledger.fetch().await, &second);
        }
        let commit = outcome(Some(first.clone()), 100);
        assert_rewritten(controller.ledger.commit(&commit).await, &second);
    }
    assert_eq!(lab.remote_lines(&["rev-list", BRANCH]).len(), 1);

    one.ledger.accept().await.unwrap();
    one.ledger.fetch().await.unwrap();
    assert_eq!(one.read().await.tip, Some(first.clone()));
    one.accepted(&outcome(Some(first), 100)).await;
}

#[tokio::test]
async fn a_rewrite_of_another_environment_stops_this_one_too() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    let first = one.accepted(&intent(None, 100)).await;
    let staging = LedgerCommit {
        environment: "staging".into(),
        ..commit(None, vec![host("1.10")])
    };
    let seen = one.accepted(&staging).await;
    let reference = format!("refs/heads/{BRANCH}");
    lab.git(&lab.remote(), &["update-ref", &reference, first.as_str()]);
    for _ in 0..2 {
        let commit = outcome(Some(first.clone()), 100);
        assert_rewritten(one.ledger.commit(&commit).await, &seen);
    }
}

#[tokio::test]
async fn a_vanished_branch_stops_until_it_is_accepted() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    let first = one.accepted(&intent(None, 100)).await;
    lab.git(&lab.remote(), &["branch", "-D", BRANCH]);
    let commit = progress(Some(first.clone()), 100, 300);
    assert_rewritten(one.ledger.commit(&commit).await, &first);
    for _ in 0..2 {
        assert_rewritten(one.ledger.fetch().await, &first);
        assert_rewritten(one.ledger.commit(&intent(None, 101)).await, &first);
    }
    assert!(
        !lab.try_git(&lab.remote(), &["rev-parse", BRANCH])
            .status
            .success()
    );

    one.ledger.accept().await.unwrap();
    one.ledger.fetch().await.unwrap();
    assert_eq!(one.read().await.tip, None);
    one.accepted(&intent(None, 101)).await;
}

#[tokio::test]
async fn the_same_without_remote() {
    let lab = Lab::new();
    let one = Controller::local(&lab);
    let first = one.accepted(&intent(None, 100)).await;
    let second = one.accepted(&progress(Some(first.clone()), 100, 300)).await;
    let reference = format!("refs/heads/{BRANCH}");
    lab.git(&one.folder, &["update-ref", &reference, first.as_str()]);
    let next = outcome(Some(first.clone()), 100);
    assert_rewritten(one.ledger.commit(&next).await, &second);
    assert_rewritten(one.ledger.fetch().await, &second);
    lab.git(&one.folder, &["update-ref", "-d", &reference]);
    assert_rewritten(one.ledger.commit(&intent(None, 101)).await, &second);
    assert_rewritten(one.ledger.fetch().await, &second);
    one.ledger.accept().await.unwrap();
    let again = one.ledger.commit(&intent(None, 101)).await.unwrap();
    assert!(matches!(again, Committed::Accepted(_)), "{again:?}");
}
