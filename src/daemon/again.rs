//! When a pass must be made again although nothing moved in git: time and hosts change, too.

use std::time::Duration;

use crate::model::plan::{Gate, GateKind, HeldReason};
use crate::model::time::Timestamp;
use crate::reconcile::{Pass, PassOutcome};

/// A host that owes an answer and does not give it is not asked at every look.
const ASK_AGAIN: Duration = Duration::from_secs(5 * 60);
/// What fails again and again is tried at least so often.
const LONGEST_PAUSE: Duration = Duration::from_secs(10 * 60);

/// After how long a pass is made again at the next look; none where only git can bring anything
/// new.
pub(super) fn after(pass: &Pass, now: Timestamp) -> Option<Duration> {
    match &pass.outcome {
        PassOutcome::Held { gates, .. } => return opens(gates).then_some(Duration::ZERO),
        // People decide; whoever left comes back with the next start.
        PassOutcome::Paused(_) | PassOutcome::Stopped => return None,
        PassOutcome::Unchanged | PassOutcome::AllOffline | PassOutcome::Ended(_) => {}
    }
    let held = pass.plan.iter().flat_map(|plan| &plan.held);
    let pauses = held.filter_map(|held| match (held.reason, held.until) {
        (HeldReason::Deferred, _) => Some(Duration::ZERO),
        (HeldReason::Unknown, _) => Some(ASK_AGAIN),
        (_, Some(until)) => Some(until.since(now)),
        _ => None,
    });
    let offline = matches!(pass.outcome, PassOutcome::AllOffline).then_some(Duration::ZERO);
    pauses.chain(offline).min()
}

/// Whether one of the gates may open with time, or when a host is back. Where a wave stopped between
/// two, its reason is in words only.
fn opens(gates: &[Gate]) -> bool {
    let by_a_commit = |gate: &Gate| matches!(gate.kind, GateKind::Hold | GateKind::Unsupported);
    let mut closed = gates.iter().filter(|gate| !gate.open).peekable();
    closed.peek().is_none() || closed.any(|gate| !by_a_commit(gate))
}

/// The pause after so many failures in a row: the interval, doubled each time up to ten minutes.
pub(super) fn back_off(interval: Duration, failures: u32) -> Duration {
    let doubled = interval.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(LONGEST_PAUSE.max(interval))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_commit_opens_is_not_looked_at_again() {
        let again = |kinds: &[GateKind]| {
            let gate = |kind: &GateKind| Gate {
                kind: *kind,
                open: false,
                reason: String::new(),
            };
            let pass = Pass {
                outcome: PassOutcome::Held {
                    reason: String::new(),
                    gates: kinds.iter().map(gate).collect(),
                    rollout: None,
                },
                plan: None,
            };
            after(&pass, Timestamp::from_unix(0)).is_some()
        };
        assert!(!again(&[GateKind::Hold, GateKind::Unsupported]));
        assert!(again(&[GateKind::Hold, GateKind::Offline]));
        assert!(again(&[GateKind::Window]));
        assert!(again(&[]), "between two waves");
    }

    #[test]
    fn what_fails_is_tried_at_least_every_ten_minutes_and_never_before_the_interval() {
        let pauses = |interval: u64| {
            [1, 2, 3, 4, 5, 6, 100]
                .map(|failures| back_off(Duration::from_secs(interval), failures).as_secs())
        };
        assert_eq!(pauses(60), [60, 120, 240, 480, 600, 600, 600]);
        assert_eq!(pauses(3_600), [3_600; 7]);
    }
}
