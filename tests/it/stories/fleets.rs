//! A fleet whose one service is a file, for stories that are not about what is deployed.

use super::story::Story;

pub(crate) const FLEET: &str = "\
api_version: fleet/v1
name: acme
git: { remote: none }
transports: { lab: { kind: sandbox } }
services: { app: { timeout: 30s } }
";

/// Four hosts, one first.
pub(crate) fn production(version: &str, on_failure: &str) -> String {
    format!(
        "services: {{ app: {version} }}\n\
         hosts: {{ a: {{}}, b: {{}}, c: {{}}, d: {{}} }}\n\
         rollout: {{ strategy: batch, batch: [1, 2], on_failure: {on_failure} }}\n"
    )
}

pub(crate) const OBSERVE: &str = "\
echo \"version=$(cat \"$FLEET_ROOT/version\" 2>/dev/null || echo none)\"
";

/// A version that says so fails on the host that it names, after it has touched it.
const DEPLOY: &str = "\
host={{host.name}}
echo \"$FLEET_VERSION\" >\"$FLEET_ROOT/version\"
if [[ $FLEET_VERSION == *-fails-on-$host ]]; then
  fleet_fail \"no luck on $host\"
fi
";

pub(crate) const ROLLBACK: &str = "\
echo \"$FLEET_PREVIOUS_VERSION\" >\"$FLEET_ROOT/version\"
";

/// All files of such a fleet.
pub(crate) fn files<'a>(fleet: &'a str, production: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("fleet.yaml", fleet),
        ("environments/production.yaml", production),
        ("templates/app/observe.sh.hbs", OBSERVE),
        ("templates/app/deploy.sh.hbs", DEPLOY),
        ("templates/app/rollback.sh.hbs", ROLLBACK),
    ]
}

/// A local fleet whose hosts run 1.0.0.
pub(crate) fn running(on_failure: &str) -> Story {
    let story = Story::with(&files(FLEET, &production("1.0.0", on_failure)));
    story.quietly("fleet", &["apply", "--yes"]);
    story
}
