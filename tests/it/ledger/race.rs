//! Compare-and-swap by environment (protocol §2), with controllers that really run side by side.

use fleet::ledger::{Committed, Ledger};
use fleet::model::id::EnvironmentName;
use fleet::model::ledger::LedgerCommit;

use super::controller::{BRANCH, Controller, production, subjects};
use super::samples::{commit, host, intent, outcome, progress};
use crate::lab::Lab;

#[tokio::test]
async fn of_two_controllers_one_is_first_and_nothing_of_the_other_is_in() {
    let lab = Lab::new();
    let (one, two) = (Controller::new(&lab, "one"), Controller::new(&lab, "two"));
    let mut base = None;
    for round in 0_i64..6 {
        let made = |by: &str| LedgerCommit {
            subject: format!("production: {round} {by}"),
            ..match &base {
                None => intent(None, 100),
                Some(_) => progress(base.clone(), 100, round),
            }
        };
        let (ones, twos) = (made("one"), made("two"));
        let (first, second) = tokio::join!(one.ledger.commit(&ones), two.ledger.commit(&twos));
        let (accepted, winner) = match (first.unwrap(), second.unwrap()) {
            (Committed::Accepted(made), Committed::Lost(Some(tip))) if made == tip => (made, "one"),
            (Committed::Lost(Some(tip)), Committed::Accepted(made)) if made == tip => (made, "two"),
            other => panic!("{other:?}"),
        };
        let log = subjects(&lab);
        assert_eq!(log.len(), usize::try_from(round).unwrap() + 1);
        assert_eq!(log[0], format!("production: {round} {winner}"));
        for controller in [&one, &two] {
            assert_eq!(controller.read().await.tip, Some(accepted.clone()));
        }
        base = Some(accepted);
    }
}

#[tokio::test]
async fn without_remote_the_branch_itself_is_compared_and_swapped() {
    let lab = Lab::new();
    let one = Controller::local(&lab);
    let two = super::controller::open(&one.folder, None);
    let first = intent(None, 100);
    let (ones, twos) = tokio::join!(one.ledger.commit(&first), two.commit(&first));
    let accepted = match (ones.unwrap(), twos.unwrap()) {
        // Equal commits are one commit.
        (Committed::Accepted(one), Committed::Accepted(two)) if one == two => one,
        (Committed::Accepted(made), Committed::Lost(Some(tip)))
        | (Committed::Lost(Some(tip)), Committed::Accepted(made))
            if made == tip =>
        {
            made
        }
        other => panic!("{other:?}"),
    };
    let next = outcome(Some(accepted.clone()), 100);
    assert!(matches!(
        two.commit(&next).await.unwrap(),
        Committed::Accepted(_)
    ));
    let late = progress(Some(accepted), 100, 300);
    one.lost(&late).await;
    assert_eq!(lab.git(&one.folder, &["rev-list", "--count", BRANCH]), "2");
}

#[tokio::test]
async fn a_foreign_commit_on_another_environment_is_built_upon() {
    let lab = Lab::new();
    let (one, two) = (Controller::new(&lab, "one"), Controller::new(&lab, "two"));
    let first = one.accepted(&intent(None, 100)).await;
    let staging = LedgerCommit {
        environment: "staging".into(),
        ..commit(None, vec![host("1.10")])
    };
    let foreign = two.accepted(&staging).await;
    let ours = one.accepted(&outcome(Some(first.clone()), 100)).await;
    let parent = format!("{ours}^");
    assert_eq!(
        lab.git(&lab.remote(), &["rev-parse", &parent]),
        foreign.as_str()
    );
    let read = one.ledger.read(&"staging".into()).await.unwrap();
    assert_eq!(read.tip, Some(foreign));
    assert_eq!(read.hosts.len(), 1);
    let page = lab.git(&lab.remote(), &["show", &format!("{BRANCH}:README.md")]);
    assert!(
        page.contains("## production") && page.contains("## staging"),
        "{page}"
    );
}

#[tokio::test]
async fn environments_of_one_process_do_not_race_with_one_another() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    let mut running = Vec::new();
    for number in 0..12 {
        let made = LedgerCommit {
            environment: EnvironmentName::from(format!("lab-{number}")),
            ..commit(None, vec![host("1.10")])
        };
        let ledger = one.ledger.clone();
        running.push(tokio::spawn(async move { ledger.commit(&made).await }));
    }
    for committed in running {
        let committed = committed.await.unwrap().unwrap();
        assert!(matches!(committed, Committed::Accepted(_)), "{committed:?}");
    }
    assert_eq!(subjects(&lab).len(), 12);
}

#[tokio::test]
async fn after_five_foreign_commits_the_race_is_lost() {
    let lab = Lab::new();
    let one = Controller::new(&lab, "one");
    let first = one.accepted(&intent(None, 100)).await;
    let foreign = lab.foreign_script();
    lab.push_through(
        &one.folder,
        Some(&format!(
            "date +%N > {0}/news\n\
             {1} \"$1\" {BRANCH} staging/$(date +%N) {0}/news\n\
             exec git-receive-pack \"$1\"\n",
            lab.root().display(),
            foreign.display(),
        )),
    );
    let lost = one.lost(&outcome(Some(first.clone()), 100)).await;
    assert_eq!(lost, Some(first));
    let log = subjects(&lab);
    assert_eq!(
        log.len(),
        7,
        "the first try, five more, and no commit of ours"
    );
}

#[tokio::test]
async fn a_take_over_is_a_lost_race() {
    let lab = Lab::new();
    let (one, two) = (Controller::new(&lab, "one"), Controller::new(&lab, "two"));
    let first = one.accepted(&intent(None, 100)).await;
    two.ledger.fetch().await.unwrap();
    assert_eq!(two.read().await.tip, Some(first.clone()));
    let theirs = two.accepted(&progress(Some(first.clone()), 100, 720)).await;
    let tip = one.lost(&outcome(Some(first), 100)).await;
    assert_eq!(tip, Some(theirs.clone()));
    let read = one.read().await;
    assert_eq!(read.tip, Some(theirs));
    assert!(read.open.unwrap().waves[0].is_open());
    assert_eq!(one.ledger.rollouts(&production()).await.unwrap().len(), 1);
}
