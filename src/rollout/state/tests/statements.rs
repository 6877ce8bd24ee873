//! What a person's word does.

use super::*;

#[test]
fn continue_accepts_the_failures_so_far() {
    let mut rollout = paused(0, &["failed"]);
    let heard = hear(&mut rollout, &said(Verb::Continue, 700)).unwrap();
    assert_eq!(heard.handled.result, "done");
    assert_eq!(next(&rollout), "forward 2");
    drive(&mut rollout, &["failed"]);
    assert_eq!(next(&rollout), "pause", "the next one counts again");
    assert_eq!(rollout.failures(), [&HostName::new("b")]);
}

#[test]
fn an_accepted_failure_is_still_one_in_the_end() {
    let mut rollout = paused(0, &["failed"]);
    hear(&mut rollout, &said(Verb::Continue, 700)).unwrap();
    drive(&mut rollout, &["ok", "ok"]);
    assert_eq!(next(&rollout), "failed");
}

#[test]
fn continue_is_ignored_where_nothing_waits_for_it() {
    let waves: &[&[&str]] = &[&["a"], &["b"]];
    let mut running = rollout(waves, &["app"], policy(0, OnFailure::Pause));
    drive(&mut running, &["ok"]);
    let heard = hear(&mut running, &said(Verb::Continue, 100)).unwrap();
    assert_eq!(heard.handled.result, "ignored");
    let mut paused = paused(0, &["failed"]);
    let early = hear(&mut paused, &said(Verb::Continue, 500)).unwrap();
    assert_eq!(
        early.handled.result, "ignored",
        "it was said before the pause"
    );
    assert_eq!(next(&paused), "pause");
}

#[test]
fn a_statement_counts_once_and_for_its_rollout() {
    let mut rollout = paused(0, &["failed"]);
    let file = said(Verb::Continue, 700);
    assert!(hear(&mut rollout, &file).is_some());
    assert!(hear(&mut rollout, &file).is_none(), "looked at before");
    let aimed = |id: &str, plan: Option<&str>| {
        let mut file = said(Verb::Abort, 800);
        let content = file.content.as_mut().unwrap();
        content.rollout = Some(id.into());
        content.plan = plan.map(Into::into);
        file
    };
    let id = rollout.id().clone();
    assert!(rollout.hear(&aimed("another", None)).is_none());
    let other_plan = rollout
        .hear(&aimed(id.as_str(), Some("sha256:other")))
        .unwrap();
    assert_eq!(other_plan.handled.result, "ignored");
    let ours = rollout
        .hear(&aimed(id.as_str(), Some("sha256:plan")))
        .unwrap();
    assert_eq!(ours.handled.result, "done");
    let mut old = said(Verb::Abort, 0);
    old.content.as_mut().unwrap().at = START - std::time::Duration::from_secs(120);
    assert!(
        rollout.hear(&old).is_none(),
        "said before this rollout was recorded"
    );
}

#[test]
fn abort_starts_no_new_wave() {
    let waves: &[&[&str]] = &[&["a"], &["b"]];
    let mut rollout = rollout(waves, &["app"], policy(0, OnFailure::Rollback));
    drive(&mut rollout, &["ok"]);
    hear(&mut rollout, &said(Verb::Abort, 100)).unwrap();
    assert_eq!(next(&rollout), "aborted");
}

#[test]
fn retry_ends_a_paused_rollout_and_lifts_blocks() {
    let mut paused = paused(0, &["failed"]);
    let heard = hear(&mut paused, &said(Verb::Retry, 700)).unwrap();
    assert!(heard.ends);
    assert_eq!(heard.lift, Some(Lift::Everything));
    let waves: &[&[&str]] = &[&["a"], &["b"]];
    let mut running = rollout(waves, &["app"], policy(0, OnFailure::Pause));
    drive(&mut running, &["ok"]);
    let heard = hear(&mut running, &said(Verb::Retry, 100)).unwrap();
    assert!(!heard.ends, "a running one goes on");
}
