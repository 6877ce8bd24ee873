//! A ledger that a hand broke: what cannot be read goes, the rest stays.

use fleet::ledger::{Ledger, LedgerError};

use super::controller::{BRANCH, Controller, production, subjects};
use super::samples::{ROLLOUT, at, blocked, commit, host, intent};
use crate::lab::Lab;

/// A ledger with one open rollout, one host and one block.
async fn ledger() -> (Lab, Controller) {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    let first = one.accepted(&intent(None, 100)).await;
    let writes = vec![host("0.5.0"), blocked(true)];
    one.accepted(&commit(Some(first), writes)).await;
    (lab, one)
}

fn files(lab: &Lab) -> Vec<String> {
    lab.remote_lines(&["ls-tree", "-r", "--name-only", BRANCH])
}

#[tokio::test]
async fn a_sound_ledger_is_left_alone() {
    let (lab, one) = ledger().await;
    let removed = one.ledger.mend(&production(), at(60)).await.unwrap();
    assert_eq!(removed, Vec::<String>::new());
    assert_eq!(subjects(&lab).len(), 2);
}

#[tokio::test]
async fn only_what_cannot_be_read_goes() {
    let (lab, one) = ledger().await;
    let hosts = "production/hosts";
    lab.foreign(BRANCH, &format!("{hosts}/hosting-2.yaml"), "services: [\n");
    lab.foreign(BRANCH, &format!("{hosts}/notes.txt"), "mine\n");
    lab.foreign(BRANCH, "production/blocked.yaml", "blocks: 1\n");
    lab.foreign(BRANCH, "staging/hosts/other.yaml", "services: [\n");
    one.ledger.accept().await.unwrap();
    let broken = one.ledger.read(&production()).await.unwrap_err();
    assert!(matches!(broken, LedgerError::Corrupt { .. }), "{broken:?}");

    let removed = one.ledger.mend(&production(), at(60)).await.unwrap();
    assert_eq!(
        removed,
        [
            "production/hosts/hosting-2.yaml",
            "production/hosts/notes.txt",
            "production/blocked.yaml",
        ]
    );
    let read = one.read().await;
    let names: Vec<&str> = read.hosts.keys().map(|host| host.as_str()).collect();
    assert_eq!(names, ["hosting-1"]);
    assert_eq!(read.blocked.blocks, []);
    assert_eq!(read.environment.sequence, 100);
    assert!(read.open.is_some());
    // Another environment's damage is another rebuild's.
    assert!(files(&lab).contains(&"staging/hosts/other.yaml".to_owned()));
    lab.git(&lab.remote(), &["fsck", "--strict"]);
    one.accepted(&commit(read.tip, vec![host("1.10")])).await;
}

#[tokio::test]
async fn an_open_rollout_that_cannot_be_read_goes_as_a_whole() {
    let (lab, one) = ledger().await;
    let folder = format!("production/rollouts/{ROLLOUT}");
    lab.foreign(BRANCH, &format!("{folder}/wave-1.yaml"), "- 1\n");
    one.ledger.accept().await.unwrap();
    let removed = one.ledger.mend(&production(), at(60)).await.unwrap();
    assert_eq!(removed.len(), 4, "{removed:?}");
    let read = one.read().await;
    assert_eq!(read.environment.open, None);
    assert_eq!(read.environment.sequence, 100);
    assert!(read.open.is_none());
    assert_eq!(one.ledger.rollouts(&production()).await.unwrap(), []);
    assert!(!files(&lab).iter().any(|file| file.starts_with(&folder)));
    lab.git(&lab.remote(), &["fsck", "--strict"]);
}

#[tokio::test]
async fn a_missing_or_broken_format_comes_back_and_a_newer_one_is_not_touched() {
    let (lab, one) = ledger().await;
    lab.foreign(BRANCH, "ledger.yaml", "format: one\n");
    one.ledger.accept().await.unwrap();
    let removed = one.ledger.mend(&production(), at(60)).await.unwrap();
    assert_eq!(removed, ["ledger.yaml"]);
    assert_eq!(one.read().await.hosts.len(), 1);

    let newer = lab.foreign(BRANCH, "ledger.yaml", "format: 2\n");
    one.ledger.accept().await.unwrap();
    let error = one.ledger.mend(&production(), at(60)).await.unwrap_err();
    assert!(matches!(error, LedgerError::Newer { .. }), "{error:?}");
    assert_eq!(lab.git(&lab.remote(), &["rev-parse", BRANCH]), newer);
}
