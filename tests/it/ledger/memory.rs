//! The ledger in memory is as strict as protocol §2.

use fleet::ledger::memory::{MemoryLedger, PushFate};
use fleet::ledger::{Committed, Ledger, LedgerError};
use fleet::model::id::{EnvironmentName, Revision};
use fleet::model::ledger::{LedgerCommit, RolloutState, Write};
use fleet::model::report::Outcome;
use fleet::model::statement::{Statement, Verb};

use super::samples::{
    ROLLOUT, at, commit, environment, host, intent, outcome, progress, rollout, wave,
};

fn production() -> EnvironmentName {
    "production".into()
}

async fn accepted(ledger: &MemoryLedger, commit: LedgerCommit) -> Revision {
    match ledger.commit(&commit).await.unwrap() {
        Committed::Accepted(revision) => revision,
        lost @ Committed::Lost(_) => panic!("{lost:?}"),
    }
}

#[tokio::test]
async fn everything_written_is_read_back() {
    let ledger = MemoryLedger::new();
    let first = accepted(&ledger, intent(None, 100)).await;
    let read = ledger.read(&production()).await.unwrap();
    assert_eq!(read.tip, Some(first.clone()));
    assert_eq!(read.open.unwrap().waves, [wave(1, 100, None)]);
    let second = accepted(&ledger, outcome(Some(first), 100)).await;
    let read = ledger.read(&production()).await.unwrap();
    assert_eq!(read.tip, Some(second.clone()));
    assert!(read.open.is_none());
    assert_eq!(read.hosts.len(), 1);
    assert_eq!(read.blocked.blocks.len(), 1);
    assert_eq!(ledger.rollouts(&production()).await.unwrap().len(), 1);
    assert_eq!(ledger.commits().last().unwrap().revision, second);
}

#[tokio::test]
async fn a_base_that_is_not_the_tip_loses() {
    let one = MemoryLedger::new();
    let two = one.clone();
    let first = accepted(&one, intent(None, 100)).await;
    let lost = two.commit(&intent(None, 101)).await.unwrap();
    assert_eq!(lost, Committed::Lost(Some(first.clone())));
    assert_eq!(one.commits().len(), 1);

    one.next_push(PushFate::LoseTo(progress(None, 100, 300).writes));
    let lost = one.commit(&outcome(Some(first.clone()), 100)).await;
    let tip = one.now(&production()).tip.unwrap();
    assert_eq!(lost.unwrap(), Committed::Lost(Some(tip.clone())));
    assert_ne!(tip, first);
}

#[tokio::test]
async fn another_controller_is_seen_after_a_fetch_only() {
    let one = MemoryLedger::new();
    let two = one.clone();
    let first = accepted(&one, intent(None, 100)).await;
    assert_eq!(two.read(&production()).await.unwrap().tip, None);
    two.fetch().await.unwrap();
    assert_eq!(two.read(&production()).await.unwrap().tip, Some(first));
}

#[tokio::test]
async fn nothing_is_in_after_a_push_that_did_not_arrive_or_was_rejected() {
    let ledger = MemoryLedger::new();
    ledger.next_push(PushFate::Unreachable);
    ledger.next_push(PushFate::Reject);
    let unreachable = ledger.commit(&intent(None, 100)).await;
    assert!(matches!(unreachable, Err(LedgerError::Unreachable { .. })));
    let rejected = ledger.commit(&intent(None, 100)).await;
    assert!(matches!(rejected, Err(LedgerError::Rejected { .. })));
    ledger.set_down(true);
    let unreachable = ledger.fetch().await;
    assert!(matches!(unreachable, Err(LedgerError::Unreachable { .. })));
    assert_eq!(ledger.commits().len(), 0);
}

#[tokio::test]
async fn what_follows_an_answer_that_was_lost_is_made_on_ours() {
    let ledger = MemoryLedger::new();
    let restarted = ledger.clone();
    let first = accepted(&ledger, intent(None, 100)).await;
    for seconds in [300, 600] {
        ledger.next_push(PushFate::AnswerLost);
        let unclear = ledger
            .commit(&progress(Some(first.clone()), 100, seconds))
            .await;
        assert!(matches!(unclear, Err(LedgerError::Unreachable { .. })));
    }
    let lost = restarted.commit(&outcome(Some(first.clone()), 100)).await;
    assert!(matches!(lost, Ok(Committed::Lost(_))));
    accepted(&ledger, outcome(Some(first), 100)).await;
    assert_eq!(ledger.commits().len(), 4);
}

#[tokio::test]
async fn a_rewritten_branch_stops_until_it_is_accepted() {
    let ledger = MemoryLedger::new();
    let first = accepted(&ledger, intent(None, 100)).await;
    accepted(&ledger, progress(Some(first.clone()), 100, 300)).await;
    ledger.rewrite(1);
    for _ in 0..2 {
        let rewritten = ledger.fetch().await;
        assert!(matches!(rewritten, Err(LedgerError::Rewritten { .. })));
        let rewritten = ledger.commit(&outcome(Some(first.clone()), 100)).await;
        assert!(matches!(rewritten, Err(LedgerError::Rewritten { .. })));
    }
    ledger.accept().await.unwrap();
    assert_eq!(
        ledger.read(&production()).await.unwrap().tip,
        Some(first.clone())
    );
    let third = accepted(&ledger, outcome(Some(first), 100)).await;
    assert_eq!(third.as_str(), format!("{:040x}", 3));
}

#[tokio::test]
async fn statements_are_read_in_the_order_of_their_time() {
    let ledger = MemoryLedger::new();
    let said = |seconds| Statement {
        fleet: "acme".into(),
        environment: production(),
        verb: Verb::Retry,
        plan: None,
        rollout: Some(ROLLOUT.into()),
        by: "alice".to_owned(),
        at: at(seconds),
    };
    let late = ledger.state(&said(60)).await.unwrap();
    let early = ledger.state(&said(0)).await.unwrap();
    ledger.put_statement("production/a-hand.txt", b"go on");
    ledger.fetch().await.unwrap();
    let read = ledger.statements(&production()).await.unwrap();
    assert_eq!(read[..2], [early, late]);
    assert!(read[2].content.is_err());
    assert_eq!(ledger.statements(&"lab".into()).await.unwrap(), []);
}

/// Commits on a ledger whose first wave has an intent with sequence 100.
async fn illegal(writes: Vec<Write>) -> String {
    let ledger = MemoryLedger::new();
    let first = accepted(&ledger, intent(None, 100)).await;
    let commit = commit(Some(first), writes);
    let work = tokio::spawn(async move { ledger.commit(&commit).await });
    let panic = work.await.unwrap_err().into_panic();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[tokio::test]
async fn an_illegal_commit_panics() {
    let id = || ROLLOUT.into();
    let written = |number, sequence, outcome| Write::Wave(id(), wave(number, sequence, outcome));
    let ended = written(1, 100, Some(Outcome::Succeeded));
    for (problem, writes) in [
        ("once and for all", intent(None, 101).writes),
        (
            "has sequence 100, and the environment had 100",
            vec![ended.clone(), written(2, 100, None)],
        ),
        (
            "has not the sequence of the wave",
            vec![ended.clone(), written(2, 101, None)],
        ),
        (
            "wave 1 of 20261120T010140Z-3f2a91 is still open",
            vec![environment(101, true), written(2, 101, None)],
        ),
        (
            "comes with an outcome",
            vec![
                ended.clone(),
                environment(101, true),
                written(2, 101, Some(Outcome::Succeeded)),
            ],
        ),
        (
            "the intent of wave 1 is written over",
            vec![written(1, 102, None)],
        ),
        ("changes nothing", vec![written(1, 100, None)]),
        ("twice", vec![host("1.0.0"), host("1.1.0")]),
        (
            "sequence of the environment goes back",
            vec![environment(99, true)],
        ),
        ("no longer open", vec![environment(100, false)]),
        (
            "over with a wave open",
            vec![rollout(RolloutState::Failed), environment(100, false)],
        ),
        (
            "and it is over",
            vec![ended, rollout(RolloutState::Succeeded)],
        ),
    ] {
        let message = illegal(writes).await;
        assert!(message.contains(problem), "{message}");
    }
}

#[tokio::test]
#[should_panic(expected = "is written over with")]
async fn an_outcome_is_recorded_once() {
    let ledger = MemoryLedger::new();
    let first = accepted(&ledger, intent(None, 100)).await;
    let second = accepted(&ledger, outcome(Some(first), 100)).await;
    let other = wave(1, 100, Some(Outcome::Failed));
    let _panics = ledger
        .commit(&commit(
            Some(second),
            vec![Write::Wave(ROLLOUT.into(), other)],
        ))
        .await;
}
