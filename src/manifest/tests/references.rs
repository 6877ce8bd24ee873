//! F2xx and W2xx: references.

use super::{Case, DEV, FLEET_FILE};

pub(super) const CASES: &[Case] = &[
    (
        "unknown services",
        DEV,
        "services: { wbe: 1.0.0, web: 1.0.0, cron: 1.0.0, database: 1.0.0 }\nhosts: { one: {} }\n",
        &["1:13 F201", "1:50 F201"],
    ),
    (
        "unknown transports",
        DEV,
        "transport: sidney\nservices: { web: 1.0.0, cron: 1.0.0 }\nhosts: { one: {} }\n",
        &["1:12 F202"],
    ),
    (
        "an unknown transport of the defaults",
        FLEET_FILE,
        "api_version: fleet/v1\nname: acme\ntransports: { lab: { kind: sandbox } }\nservices: { web: {}, cron: { template: job } }\ndefaults: { transport: lap }\n",
        &["5:24 F202"],
    ),
    (
        "several transports and no choice",
        FLEET_FILE,
        "api_version: fleet/v1\nname: acme\ntransports: { lab: { kind: sandbox }, far: { kind: sandbox } }\nservices: { web: {}, cron: { template: job } }\n",
        &["environments/dev.yaml:1:1 F203"],
    ),
    (
        "unknown templates",
        FLEET_FILE,
        "api_version: fleet/v1\nname: acme\ntransports: { lab: { kind: sandbox } }\nservices: { web: { template: wed }, cron: {} }\n",
        &["4:30 F204", "4:37 F204"],
    ),
    (
        "a selector that matches nothing",
        DEV,
        "services: { web: { version: 1.0.0, select: role=web }, cron: 1.0.0 }\nhosts: { one: { labels: { role: wbe } } }\n",
        &["1:44 F205"],
    ),
    (
        "pins of what does not run here",
        DEV,
        "services: { web: { version: 1.0.0, select: name=one }, cron: 1.0.0 }\nhosts: { one: { services: { web: 0.9.0, corn: 1.0.0 } }, two: { services: { web: 0.9.0, cron: 0.9.0 } } }\n",
        &["2:41 F206", "2:77 F206"],
    ),
    (
        "pins of what is to go",
        DEV,
        "services: { web: absent, cron: { version: absent, select: name=one } }\nhosts: { one: { services: { web: 1.0.0, cron: 1.0.0 } }, two: {} }\n",
        &["2:29 F206", "2:41 F206"],
    ),
    (
        "a service that nothing runs",
        DEV,
        "services: { web: 1.0.0 }\nhosts: { one: {} }\n",
        &["fleet.yaml:8:3 W201"],
    ),
];

#[test]
fn a_selector_that_matches_nothing_tells_what_was_meant() {
    for (select, help) in [
        ("role=wbe", "did you mean `web`?"),
        ("rloe=web", "did you mean `role`?"),
        ("rloe", "did you mean `role`?"),
        ("role in (dbb,wbe)", "did you mean `db`?"),
        ("name=wbe-1", "did you mean `web-1`?"),
        ("nmae=web-1", "did you mean `name`?"),
        (
            "role=web,role=db",
            "compare it with the `labels` of the hosts",
        ),
        ("canary", "compare it with the `labels` of the hosts"),
    ] {
        let environment = format!(
            "services: {{ web: {{ version: 1.0.0, select: '{select}' }}, cron: 1.0.0 }}\n\
             hosts: {{ web-1: {{ labels: {{ role: web }} }}, db-1: {{ labels: {{ role: db }} }} }}\n"
        );
        let loaded = super::load(&super::tree(&[(DEV, &environment)]));
        let found: Vec<_> = loaded
            .diagnostics
            .iter()
            .map(|it| (it.code, it.help.as_deref()))
            .collect();
        assert_eq!(found, [("F205", Some(help))], "{select}");
    }
}
