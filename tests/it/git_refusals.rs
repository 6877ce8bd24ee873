//! What the git seam withstands: hostile trees, forms of repository that it does not know, and a
//! work tree that somebody is in the middle of.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use fleet::git::{Branches, DesiredCommit, DesiredCommitted, GitError, Repository, Target};
use fleet::ledger::store::GitLedger;
use fleet::ledger::{Committed, Ledger, LedgerError};
use fleet::model::desired::GitSettings;
use fleet::model::id::Revision;
use fleet::model::ledger::{EnvironmentRecord, LedgerCommit, Write};
use fleet::model::time::Timestamp;

use crate::lab::Lab;
use crate::support::RealRandom;

fn settings(remote: Option<&str>) -> GitSettings {
    GitSettings {
        remote: remote.map(str::to_owned),
        ..GitSettings::default()
    }
}

fn ledger(folder: &Path, remote: Option<&str>) -> GitLedger {
    let repository = Arc::new(Repository::discover(folder).unwrap());
    let settings = settings(remote);
    GitLedger::new(repository, &settings, "acme".into(), Arc::new(RealRandom))
}

fn record(base: Option<Revision>, sequence: u64) -> LedgerCommit {
    let record = EnvironmentRecord {
        sequence,
        ..EnvironmentRecord::default()
    };
    LedgerCommit {
        environment: "production".into(),
        base,
        subject: "production: a record".to_owned(),
        trailers: Vec::new(),
        writes: vec![Write::Environment(record)],
        at: Timestamp::from_unix(1_795_136_500),
    }
}

fn bump_directly(folder: &Path) -> Result<DesiredCommitted, GitError> {
    let repository = Repository::discover(folder)?;
    let base = repository.head()?;
    repository.commit_desired(
        &Branches::new(&settings(Some("origin"))),
        &DesiredCommit {
            base: &base,
            path: "fleet.yaml",
            bytes: b"name: acme # bumped\n",
            message: "Bump\n",
            at: Timestamp::from_unix(1_795_136_500),
            target: Target::Direct,
        },
    )
}

#[test]
fn a_tree_without_end_is_refused() {
    let lab = Lab::empty();
    let folder = lab.init("one");
    lab.commit_file(&folder, "fleet.yaml", "name: acme\n");
    let grow = "blob=$(git hash-object -w fleet.yaml)\n\
                tree=$(printf '100644 blob %s\\ta\\n' $blob | git mktree)\n\
                for level in 1 2 3 4 5 6 7 8 9; do\n\
                  tree=$(for name in a b c d e f g h; do printf '040000 tree %s\\t%s\\n' $tree $name; done | git mktree)\n\
                done\n\
                root=$(printf '040000 tree %s\\ttemplates\\n' $tree | git mktree)\n\
                git commit-tree -m 'No end' $root\n";
    let script = lab.script("grow", &format!("set -e\ncd {}\n{grow}", folder.display()));
    lab.git(
        &folder,
        &["config", "alias.grow", &format!("!{}", script.display())],
    );
    let at = Revision::new(lab.git(&folder, &["grow"]));
    let error = Repository::discover(&folder)
        .unwrap()
        .tree_at(&at)
        .unwrap_err();
    assert!(matches!(error, GitError::TooMuch { .. }), "{error:?}");
}

#[test]
fn a_commit_that_is_gone_is_named() {
    let lab = Lab::new();
    let repository = Repository::discover(&lab.clone("one")).unwrap();
    let gone = Revision::new("5d41402abc4b2a76b9719d911017c592a1b2c3d4");
    let error = repository.tree_at(&gone).unwrap_err();
    assert!(matches!(&error, GitError::NoRevision { name } if *name == gone.to_string()));
}

#[test]
fn a_form_of_repository_that_is_not_known_gets_a_hint() {
    let lab = Lab::new();
    let folder = lab.clone("one");
    lab.git(&folder, &["config", "core.repositoryformatversion", "1"]);
    lab.git(&folder, &["config", "extensions.refstorage", "reftable"]);
    let error = Repository::discover(&folder).unwrap_err();
    let hint = error.hint().unwrap_or_default();
    assert!(hint.contains("--ref-format"), "{error:?}");
}

#[test]
fn a_partial_clone_gets_what_it_needs_or_says_what_it_lacks() {
    let lab = Lab::new();
    lab.git(&lab.remote(), &["config", "uploadpack.allowFilter", "true"]);
    let folder = lab.clone_with("partial", &["--filter=blob:none"]);
    let repository = Repository::discover(&folder).unwrap();
    let seed = lab.root().join("seed");
    lab.commit_file(&seed, "fleet.yaml", "name: acme # 1\n");
    lab.git(&seed, &["push", "-q", "origin", "main"]);
    let desired = repository.desired(&settings(Some("origin"))).unwrap();
    let tree = repository.tree_at(&desired.revision).unwrap();
    assert_eq!(&**tree.file("fleet.yaml").unwrap(), b"name: acme # 1\n");

    let bare = lab.clone_with("bare", &["--filter=blob:none", "--no-checkout"]);
    let repository = Repository::discover(&bare).unwrap();
    let head = repository.head().unwrap();
    let error = repository.tree_at(&head).unwrap_err();
    assert!(matches!(error, GitError::Incomplete { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("--refetch"));
}

#[test]
fn a_rewritten_desired_branch_is_told_once() {
    let lab = Lab::new();
    let folder = lab.clone("one");
    let repository = Repository::discover(&folder).unwrap();
    let origin = settings(Some("origin"));
    let first = repository.desired(&origin).unwrap();
    assert_eq!(first.rewritten, None);
    let seed = lab.root().join("seed");
    lab.git(&seed, &["commit", "-q", "--amend", "-m", "Another story"]);
    lab.git(&seed, &["push", "-q", "--force", "origin", "main"]);
    let second = repository.desired(&origin).unwrap();
    assert_eq!(second.rewritten, Some(first.revision));
    assert_eq!(repository.desired(&origin).unwrap().rewritten, None);
    lab.commit_file(&seed, "fleet.yaml", "name: acme # 1\n");
    lab.git(&seed, &["push", "-q", "origin", "main"]);
    assert_eq!(repository.desired(&origin).unwrap().rewritten, None);
}

#[test]
fn a_direct_bump_waits_for_an_unfinished_merge() {
    let lab = Lab::new();
    let folder = lab.clone("one");
    lab.git(&folder, &["switch", "-q", "-c", "side"]);
    lab.commit_file(&folder, "side", "1\n");
    lab.git(&folder, &["switch", "-q", "main"]);
    lab.git(&folder, &["merge", "-q", "--no-ff", "--no-commit", "side"]);
    let before = lab.git(&folder, &["status", "--porcelain=v2", "--branch"]);
    let error = bump_directly(&folder).unwrap_err();
    assert!(
        matches!(error, GitError::Unfinished { what: "merge" }),
        "{error:?}"
    );
    assert_eq!(
        lab.git(&folder, &["status", "--porcelain=v2", "--branch"]),
        before
    );
}

#[test]
fn a_direct_bump_that_fails_half_way_leaves_nothing() {
    let lab = Lab::new();
    let folder = lab.clone("one");
    let before = lab.git(&folder, &["rev-parse", "HEAD"]);
    let lock = folder.join(".git/refs/heads/main.lock");
    fs::write(&lock, "").unwrap();
    let error = bump_directly(&folder).unwrap_err();
    assert!(matches!(error, GitError::RefLocked { .. }), "{error:?}");
    fs::remove_file(&lock).unwrap();
    assert_eq!(lab.git(&folder, &["rev-parse", "HEAD"]), before);
    assert_eq!(lab.git(&folder, &["status", "--porcelain"]), "");
    bump_directly(&folder).unwrap();
}

#[test]
fn one_process_at_a_time_holds_the_lock() {
    let lab = Lab::new();
    let folder = lab.clone("one");
    let now = Timestamp::from_unix(1_795_136_500);
    let (one, two) = (
        Repository::discover(&folder).unwrap(),
        Repository::discover(&folder).unwrap(),
    );
    let held = one.lock(now, None).unwrap().unwrap();
    let by = two.lock(now, None).unwrap().unwrap_err().by;
    assert_eq!(by, format!("pid {} since {now}", std::process::id()));
    drop(held);
    assert!(two.lock(now, None).unwrap().is_ok());
}

#[test]
fn a_copied_repository_is_another_writer() {
    let lab = Lab::new();
    let folder = lab.clone("one");
    let writer = |folder: &Path| {
        let repository = Repository::discover(folder).unwrap();
        repository.writer(&RealRandom).unwrap()
    };
    let first = writer(&folder);
    assert_eq!(writer(&folder), first);
    let moved = lab.root().join("moved");
    fs::rename(&folder, &moved).unwrap();
    assert_eq!(writer(&moved), first);
    let copied = lab.root().join("copied");
    let (from, to) = (moved.display(), copied.display());
    let script = lab.script("copy", &format!("cp -a {from} {to}\n"));
    assert!(
        std::process::Command::new(script)
            .status()
            .unwrap()
            .success()
    );
    let second = writer(&copied);
    assert_ne!(second, first);
    assert_eq!(writer(&copied), second);
    assert_eq!(writer(&moved), first);
}

#[tokio::test]
async fn a_branch_that_stands_in_the_way_is_named() {
    let lab = Lab::empty();
    let folder = lab.init("local");
    lab.commit_file(&folder, "fleet.yaml", "name: acme\n");
    lab.git(&folder, &["branch", "fleet"]);
    let error = ledger(&folder, None)
        .commit(&record(None, 1))
        .await
        .unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(
        cause,
        "refs/heads/fleet/observed cannot be made beside refs/heads/fleet"
    );

    let lab = Lab::new();
    lab.git(&lab.remote(), &["branch", "fleet", "main"]);
    let error = ledger(&lab.clone("one"), Some("origin"))
        .commit(&record(None, 1))
        .await
        .unwrap_err();
    match error {
        LedgerError::Rejected { message, .. } => assert!(message.contains("lock"), "{message}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_remote_that_lets_nobody_in_is_not_asked_again() {
    let lab = Lab::new();
    let folder = lab.clone("one");
    let no = "echo ERROR: Permission to acme.git denied to bob. >&2\nexit 1\n";
    lab.push_through(&folder, Some(no));
    let error = ledger(&folder, Some("origin"))
        .commit(&record(None, 1))
        .await
        .unwrap_err();
    assert!(matches!(error, LedgerError::Rejected { .. }), "{error:?}");
    assert!(!error.is_transient());
}

/// `fleet status` beside `fleet apply`: both fetch and both keep the same refs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_of_one_clone_do_not_see_a_rewrite_in_each_other() {
    let lab = Lab::new();
    let folder = lab.clone("one");
    let (writes, reads) = (
        ledger(&folder, Some("origin")),
        ledger(&folder, Some("origin")),
    );
    let other = ledger(&lab.clone("two"), Some("origin"));
    let reading = tokio::spawn(async move {
        for _ in 0..12 {
            reads.fetch().await.unwrap();
        }
    });
    let mut tip = None;
    for sequence in 1..=6 {
        let commit = record(tip, sequence);
        let ledger = if sequence % 2 == 0 { &other } else { &writes };
        ledger.fetch().await.unwrap();
        tip = match ledger.commit(&commit).await.unwrap() {
            Committed::Accepted(tip) => Some(tip),
            Committed::Lost(tip) => panic!("{tip:?}"),
        };
    }
    reading.await.unwrap();
}
