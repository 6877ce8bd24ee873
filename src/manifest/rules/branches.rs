//! The desired branch, the ledger and the statements are three branches, and git must be able to
//! keep them side by side: a branch `fleet` leaves no room for `fleet/observed`.

use crate::manifest::codes;
use crate::manifest::decode::FleetFile;
use crate::manifest::problems::Problems;
use crate::model::source::Tree;

pub(super) fn check(fleet: &FleetFile, _: &Tree, problems: &mut Problems) {
    let settings = &fleet.git.settings;
    let branches = [
        ("branch", &settings.branch),
        ("ledger", &settings.ledger),
        ("statements", &settings.statements),
    ];
    for (position, (key, branch)) in branches.iter().enumerate() {
        for (other_key, other) in &branches[..position] {
            if !collide(branch, other) {
                continue;
            }
            // Defaults do not collide, so one of the two is written.
            let written = [key, other_key]
                .into_iter()
                .find_map(|key| fleet.git.spans.get(key));
            problems.report(
                codes::GIT_BRANCHES,
                written.unwrap_or(&(0..0)),
                format!("{key} `{branch}` and {other_key} `{other}` cannot both exist"),
                "give each a name of its own that is no folder of another",
            );
        }
    }
}

fn collide(a: &str, b: &str) -> bool {
    let inside = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    inside(a, b) || inside(b, a)
}
