//! What a look at the hosts found, for people and programs.

use super::text::{plural, to_json};
use crate::model::observation::Observation;

/// `fleet.observation/1`, on one line.
pub fn json(observation: &Observation) -> String {
    to_json(observation)
}

/// For a person, every line ended: `production: 4 services observed, 1 drifted`.
pub fn text(observation: &Observation) -> String {
    let environment = &observation.environment;
    if let Some(rollout) = &observation.busy {
        return format!("{environment}: not observed: a wave of rollout {rollout} is under way\n");
    }
    let mut text = format!(
        "{environment}: {} observed",
        plural(observation.looked_at, "service")
    );
    for (count, word) in [
        (observation.drifted.len(), "drifted"),
        (observation.silent.len(), "without an answer"),
    ] {
        if count > 0 {
            text += &format!(", {count} {word}");
        }
    }
    text += "\n";
    for it in &observation.drifted {
        text += &format!(
            "  {}  {} {}  {}\n",
            it.host, it.service, it.left, it.message
        );
    }
    for it in &observation.silent {
        text += &format!("  {}  {}  {}\n", it.host, it.service, it.message);
    }
    text
}
