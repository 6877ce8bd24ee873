//! What must not be tried again.

use super::*;
use crate::model::bundle::Digests;
use crate::model::ledger::{Block, BlockedHosts};

fn blocks(rollout: &Rollout, standing: &[Block]) -> Vec<Block> {
    let digests = |host: &HostName, service: &ServiceName| {
        Some(Digests {
            digest: Digest::of("new"),
            scripts: Digest::of("scripts"),
            template: Digest::of("template"),
            definition: Digest::of(format!("{service}")),
            host_definition: Digest::of(format!("{service} {host}")),
            redeploy: None,
        })
    };
    own_blocks(
        rollout,
        &BlockInput {
            digests: &digests,
            at: at(1_000),
            standing,
        },
    )
}

/// `service all` or `service hosts`.
fn blocked(rollout: &Rollout) -> Vec<String> {
    let blocks = blocks(rollout, &[]);
    let lines = blocks.iter().map(|block| match &block.hosts {
        BlockedHosts::All(_) => {
            assert_eq!(block.definition, Digest::of(block.service.as_str()));
            format!("{} all", block.service)
        }
        BlockedHosts::Listed(hosts) => {
            let hosts: Vec<&str> = hosts.iter().map(HostName::as_str).collect();
            assert_eq!(
                block.definition,
                Digest::of(format!("{} {}", block.service, hosts[0]))
            );
            format!("{} {}", block.service, hosts.join(","))
        }
    });
    lines.collect()
}

#[test]
fn blocks_follow_from_touched_failures() {
    let waves: &[&[&str]] = &[&["a"], &["b"], &["c"]];
    for (max, outcomes, expected) in [
        (0, &["ok"][..], &[][..]),
        (0, &["refused"], &[]),
        (0, &["unknown"], &[]),
        (0, &["failed"], &["app all"]),
        (0, &["back"], &["app all"]),
        (1, &["failed"], &["app a"]),
        (1, &["back", "ok", "ok"], &["app a"]),
        (1, &["failed", "back"], &["app all"]),
        (1, &["failed", "refused"], &["app all"]),
    ] {
        let mut rollout = rollout(waves, &["app"], policy(max, OnFailure::Pause));
        drive(&mut rollout, outcomes);
        assert_eq!(blocked(&rollout), expected, "{max} {outcomes:?}");
    }
}

#[test]
fn continue_blocks_the_host_alone() {
    let mut rollout = paused(0, &["failed"]);
    assert_eq!(blocked(&rollout), ["app all"]);
    hear(&mut rollout, &said(Verb::Continue, 700)).unwrap();
    assert_eq!(blocked(&rollout), ["app a"]);
}

#[test]
fn abort_blocks_what_it_had_not_finished() {
    let waves: &[&[&str]] = &[&["a"], &["b"]];
    let mut half = rollout(waves, &["app"], policy(0, OnFailure::Pause));
    drive(&mut half, &["ok"]);
    hear(&mut half, &said(Verb::Abort, 100)).unwrap();
    assert_eq!(blocked(&half), ["app all"]);
    let mut whole = rollout(waves, &["app"], policy(0, OnFailure::Pause));
    drive(&mut whole, &["ok", "ok"]);
    hear(&mut whole, &said(Verb::Abort, 100)).unwrap();
    assert!(blocked(&whole).is_empty());
}

#[test]
fn a_standing_block_keeps_its_time() {
    let mut rollout = paused(0, &["failed"]);
    let mut first = blocks(&rollout, &[]);
    first[0].since = at(5);
    assert_eq!(blocks(&rollout, &first), first);
    hear(&mut rollout, &said(Verb::Continue, 700)).unwrap();
    assert_eq!(
        blocks(&rollout, &first)[0].since,
        at(1_000),
        "another kind of block"
    );
}
