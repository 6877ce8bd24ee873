//! What must be open before a wave starts. Pure: the same input gives the same gates.
//!
//! It owns the gates of an environment as a whole; holds of a service or host are the planner's.

use crate::model::plan::{Gate, GateKind};

/// The gates that are set: `hold` of the fleet and of the environment, both closed while they stand.
pub fn gates(fleet_hold: Option<&str>, environment_hold: Option<&str>) -> Vec<Gate> {
    [("fleet", fleet_hold), ("environment", environment_hold)]
        .into_iter()
        .filter_map(|(whose, hold)| {
            hold.map(|reason| Gate {
                kind: GateKind::Hold,
                open: false,
                reason: format!("hold of the {whose}: {reason}"),
            })
        })
        .collect()
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
    use super::*;

    #[test]
    fn a_hold_closes_until_its_line_goes() {
        assert_eq!(closed(&gates(None, None)), None);
        assert_eq!(
            closed(&gates(Some("audit"), Some("demo"))).as_deref(),
            Some("hold of the fleet: audit; hold of the environment: demo")
        );
    }
}
