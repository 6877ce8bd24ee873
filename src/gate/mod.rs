//! What must be open before a wave starts. Pure: the same input gives the same gates.
//!
//! It owns the gates of an environment as a whole; holds of a service or host are the planner's.

use crate::model::desired::{Environment, Unsupported};
use crate::model::plan::{Gate, GateKind};

/// The gates that are set: `hold` of the fleet and of the environment, both closed while they
/// stand, and whatever this version cannot act on. A gate that is not understood is never open.
pub fn gates(fleet_hold: Option<&str>, environment: &Environment) -> Vec<Gate> {
    let holds = [
        ("fleet", fleet_hold),
        ("environment", environment.hold.as_deref()),
    ];
    let holds = holds.into_iter().filter_map(|(whose, hold)| {
        hold.map(|reason| Gate {
            kind: GateKind::Hold,
            open: false,
            reason: format!("hold of the {whose}: {reason}"),
        })
    });
    holds.chain(unsupported(environment)).collect()
}

/// The gates of what this version cannot act on, one per kind.
pub fn unsupported(environment: &Environment) -> Vec<Gate> {
    let mut kinds: Vec<GateKind> = environment.unsupported.iter().map(|it| it.gate).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let gate = |kind| {
        let keys = environment.unsupported.iter().filter(|it| it.gate == kind);
        Gate {
            kind,
            open: false,
            reason: cannot(keys),
        }
    };
    kinds.into_iter().map(gate).collect()
}

fn cannot<'a>(keys: impl Iterator<Item = &'a Unsupported>) -> String {
    /// A line of a plan carries no more.
    const SHOWN: usize = 6;
    let keys: Vec<&str> = keys.map(|it| it.key.as_str()).collect();
    let mut named: Vec<String> = keys
        .iter()
        .take(SHOWN)
        .map(|key| format!("`{key}`"))
        .collect();
    if keys.len() > SHOWN {
        named.push(format!("{} more", keys.len() - SHOWN));
    }
    format!("this version of fleet cannot act on {}", named.join(", "))
}

/// Why nothing starts, in words; none where every gate is open.
pub fn closed(gates: &[Gate]) -> Option<String> {
    let reasons: Vec<&str> = gates
        .iter()
        .filter(|gate| !gate.open)
        .map(|gate| gate.reason.as_str())
        .collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_hold_closes_until_its_line_goes() {
        let mut dev = Environment::new("dev".into(), "lab".into(), BTreeMap::new());
        assert_eq!(closed(&gates(None, &dev)), None);
        dev.hold = Some("demo".to_owned());
        assert_eq!(
            closed(&gates(Some("audit"), &dev)).as_deref(),
            Some("hold of the fleet: audit; hold of the environment: demo")
        );
    }

    #[test]
    fn what_cannot_be_acted_on_closes_its_gate() {
        let mut dev = Environment::new("dev".into(), "lab".into(), BTreeMap::new());
        let keys = [
            (GateKind::Unsupported, "rollout.soak"),
            (GateKind::Window, "window"),
            (GateKind::Unsupported, "drift"),
        ];
        dev.unsupported = keys
            .map(|(gate, key)| Unsupported {
                gate,
                key: key.to_owned(),
            })
            .into();
        let found: Vec<(GateKind, bool, String)> = gates(None, &dev)
            .into_iter()
            .map(|gate| (gate.kind, gate.open, gate.reason))
            .collect();
        let cannot = "this version of fleet cannot act on ";
        assert_eq!(
            found,
            [
                (GateKind::Window, false, format!("{cannot}`window`")),
                (
                    GateKind::Unsupported,
                    false,
                    format!("{cannot}`rollout.soak`, `drift`")
                ),
            ]
        );
    }
}
