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
    // One name that two others leave no room for is one mistake.
    let mut reported = Vec::new();
    for (key, branch) in branches {
        // Defaults do not collide, so one of two that do is written.
        let Some(span) = fleet.git.spans.get(key) else {
            continue;
        };
        let mut others = branches.iter().filter(|(other, _)| *other != key);
        let collision = others
            .find(|(other_key, other)| !reported.contains(other_key) && collide(branch, other));
        if let Some((other_key, other)) = collision {
            problems.report(
                codes::GIT_BRANCHES,
                span,
                format!("{key} `{branch}` and {other_key} `{other}` cannot both exist"),
                "give each a name of its own that is no folder of another",
            );
            reported.push(key);
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
