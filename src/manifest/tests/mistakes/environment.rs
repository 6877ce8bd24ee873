//! An environment and what can be wrong on its lines.

use super::{Evidence, Manifest, SERVICES};

const HOSTS: usize = 30;

/// `environments/dev.yaml`.
pub(super) fn environment() -> Manifest {
    use Evidence::{NeedsLabels, NeedsTransport, SpoilsLabels};
    let mut file = Manifest::default();
    file.line("services:", &[]);
    file.line(
        "  base: 1.5.0",
        &[
            ("1.5.0", "1.5", "F108"),
            ("1.5.0", "[1.5.0]", "F014"),
            ("1.5.0", "{ version: 1.5.0, versoin: 1.5.0 }", "F101"),
        ],
    );
    for number in 0..SERVICES {
        let name = format!("service-{number}");
        if number % 2 == 0 {
            file.line(
                format!("  {name}: 1.2.{number}"),
                &[
                    ("1.2.", "1.", "F108"),
                    ("1.2.", "no such version ", "F109"),
                    ("1.2.", "!!str 1.2.", "F010"),
                    ("1.2.", "*v", "F009"),
                ],
            );
            file.and(format!("  {name}: 1.2.0"), "F006");
            file.and(format!("  Service {number}: 1.0.0"), "F107");
            file.and(format!("  unheard-of-{number}: 1.0.0"), "F201");
        } else {
            file.line(
                format!("  {name}: {{ version: 1.0.{number}, select: role=web, hold: a reason }}"),
                &[
                    ("version: 1.0.", "version: v 1.0.", "F109"),
                    ("version", "targetRevision", "F101"),
                    ("role=web", "role=", "F115"),
                    ("role=web", "{ role: web }", "F014"),
                    ("select", "slect", "F101"),
                    ("a reason", "true", "F124"),
                    ("a reason", "", "F015"),
                    ("hold", "sha256: abc, hold", "F136"),
                    ("hold", "redeploy: '', hold", "F144"),
                    ("hold", "variables: { a: { b: c } }, hold", "F119"),
                    (name.as_str(), &name.to_uppercase(), "F107"),
                ],
            );
            file.evident("role=web", "role=nobody", "F205", NeedsLabels);
        }
    }
    file.line("hosts:", &[]);
    for number in 0..HOSTS {
        let id = format!("i-0a1b2c3d4e5f6{number:04}");
        if number % 2 == 0 {
            file.line(format!("  host-{number}: {{ instance: {id}, labels: {{ role: web }}, services: {{ base: 1.4.0 }} }}"), &[
                ("instance: i", "instance: x", "F116"),
                ("instance", "instnace", "F101"),
                (&id, "[]", "F014"),
                (&id, "", "F015"),
                ("1.4.0", "1.4", "F108"),
                ("base: 1.4.0", "nothing: 1.4.0", "F206"),
                ("services", "plattform: linux, services", "F101"),
                ("services", "platform: macos, services", "F105"),
                ("services", "variables: { a-b c: 1 }, services", "F118"),
                ("services", "tags: { a: b }, services", "F101"),
            ]);
            file.evident(&format!("instance: {id}, "), "", "F126", NeedsTransport);
            file.evident("role: web", "-role: web", "F117", SpoilsLabels);
            file.evident("{ role: web }", "[web]", "F014", SpoilsLabels);
            file.evident("labels", "lables", "F101", SpoilsLabels);
            file.evident("host-", "Host_", "F107", SpoilsLabels);
        } else {
            file.line(format!("  host-{number}:"), &[]);
            file.and("    become: yes", "F101");
            file.line(
                format!("    instance: {id}"),
                &[("i-0a", "0a", "F116"), ("instance", "instanceId", "F101")],
            );
            file.line(
                "    hold: for Bob",
                &[("for Bob", "off", "F124"), ("hold", "hlod", "F101")],
            );
            file.line("    variables:", &[]);
            file.line("      list:", &[]);
            file.line(
                "      - one",
                &[
                    ("one", "{ two: 2 }", "F119"),
                    ("one", "", "F015"),
                    ("one", "[two]", "F119"),
                ],
            );
        }
    }
    settings(&mut file);
    file
}

/// The keys that an environment shares with the defaults.
fn settings(file: &mut Manifest) {
    use Evidence::NeedsLabels;
    file.line("window:", &[]);
    file.line(
        "  timezone: Australia/Sydney",
        &[
            ("Sydney", "Sidney", "F130"),
            ("timezone", "timezon", "F101"),
        ],
    );
    // What stands below a key that does not exist is not judged, so these keys stay right.
    file.line("  allow:", &[]);
    file.line(
        "  - { days: [tue, wed], from: '10:00', to: '14:00' }",
        &[
            ("tue", "Tuesday", "F105"),
            ("days", "day", "F101"),
            ("10:00", "10 am", "F131"),
            ("14:00", "25:00", "F131"),
            ("[tue, wed]", "[]", "F133"),
        ],
    );
    file.line("  deny:", &[]);
    file.line(
        "  - { dates: { from: 2026-12-20, until: 2027-01-04 }, reason: freeze }",
        &[
            ("2026-12-20", "2026-02-30", "F132"),
            ("2027", "2025", "F133"),
            (", until: 2027-01-04", "", "F102"),
            ("freeze", "\"a\\nb\"", "F144"),
        ],
    );
    file.line(
        "  cutoff: 15m",
        &[("15m", "15", "F110"), ("15m", "2d", "F111")],
    );
    file.line(
        "after: { environment: staging, healthy_for: 24h }",
        &[
            ("staging", "nowhere", "F207"),
            (", healthy_for: 24h", "", "F102"),
            ("24h", "a day", "F110"),
            ("24h", "0s", "F111"),
            ("environment", "environmnet", "F101"),
        ],
    );
    file.line(
        "approvals: { required: 2, from: [alice, bob], valid: 7d, not_for: [repair] }",
        &[
            ("required: 2", "required: 3", "F145"),
            ("required: 2", "required: two", "F112"),
            ("required: 2", "requires: 3", "F101"),
            ("bob", "nobody-at-all", "F208"),
            ("bob", "[bob]", "F014"),
            ("[alice, bob]", "alice", "F014"),
            ("repair", "repairs", "F105"),
            ("7d", "1s", "F111"),
        ],
    );
    file.line("rollout:", &[]);
    file.line(
        "  strategy: canary",
        &[
            ("strategy", "stratgy", "F101"),
            ("canary", "canray", "F105"),
        ],
    );
    file.line(
        "  canary: 10%",
        &[("10%", "0%", "F113"), ("10%", "{ selct: a }", "F101")],
    );
    file.evident("10%", "{ select: role=nobody }", "F205", NeedsLabels);
    file.line(
        "  batch: [10%, 50%]",
        &[("50%", "500%", "F113"), ("[10%, 50%]", "[]", "F113")],
    );
    file.line("  soak: 15m", &[("15m", "15min", "F110")]);
    file.line("  after_canary: wait", &[("wait", "manual", "F105")]);
    file.line(
        "  max_failures: 0",
        &[("0", "-1", "F112"), ("0", "10%", "F112")],
    );
    file.line(
        "  on_failure: rollback",
        &[("rollback", "roll back", "F105")],
    );
    file.line(
        "  per_instance: 1",
        &[("1", "6", "F112"), ("per_instance", "maxParallel", "F101")],
    );
    file.line(
        "rollback: { approvals: 0, window: any, strategy: all }",
        &[("any", "always", "F105"), ("strategy", "startegy", "F101")],
    );
    file.line(
        "emergency: { service: base, version: 1.5.1, reason: fire, expires: 2026-11-20T01:02:03Z }",
        &[
            ("base", "nothing", "F201"),
            ("1.5.1", "1.5", "F108"),
            ("reason: fire, ", "", "F102"),
            ("2026-11-20T01:02:03Z", "tomorrow", "F143"),
        ],
    );
    file.line(
        "observe_every: 1h",
        &[("1h", "1 hour", "F110"), ("1h", "1s", "F111")],
    );
    file.line(
        "drift: report",
        &[("report", "fix", "F105"), ("drift", "drfit", "F101")],
    );
}
