//! One mistake is one diagnostic, however much follows from it.

use super::fleet::KEYS;
use super::{STAGING, Tree};
use crate::manifest::tests::{DEV, FLEET_FILE, load, places};

/// Mistakes whose consequences are many, and their one diagnostic.
const FAR_REACHING: [(&str, &str, &str, &str); 20] = [
    (FLEET_FILE, "services:", "servces:", "6:1 F101"),
    (FLEET_FILE, "defaults:", "defalts:", "13:1 F101"),
    (FLEET_FILE, "{ transport: sydney }", "sydney", "13:11 F014"),
    (FLEET_FILE, "people:", "poeple:", "11:1 F101"),
    (FLEET_FILE, "people: {", "people: { <<: {}, ", "11:11 F013"),
    (
        FLEET_FILE,
        "  web:",
        "  wbe:",
        "environments/dev.yaml:2:3 F201",
    ),
    (FLEET_FILE, "  web:", "  WEB:", "7:3 F107"),
    (FLEET_FILE, "  base: {}", "  \"ba\\te\": {}", "8:3 F107"),
    (
        FLEET_FILE,
        "{ template: base, ar",
        "{ templte: base, ar",
        "7:10 F101",
    ),
    (FLEET_FILE, "artifact: s3:", "artifact: s4:", "7:36 F137"),
    (FLEET_FILE, "alice:", "Alice:", "11:11 F107"),
    (DEV, "services:", "service:", "1:1 F101"),
    (DEV, "hosts:", "host:", "4:1 F101"),
    (DEV, "  base:", "  bsae:", "3:3 F201"),
    (DEV, "  base: 2.0.0", "  base: 1.0.0", "2:3 F209"),
    (
        DEV,
        "  base: 2.0.0",
        "  base: { version: 2.0.0, select: name=one }",
        "2:3 F209",
    ),
    (DEV, "hosts: {", "hosts: { <<: {}, ", "4:10 F013"),
    (DEV, "from: [alice]", "form: [alice]", "5:14 F101"),
    (DEV, "after: {", "after: { <<: {}, ", "6:10 F013"),
    (
        DEV,
        "after: { environment",
        "after: { environmnt",
        "6:10 F101",
    ),
];

#[test]
fn what_follows_from_a_mistake_is_not_said() {
    let fleet = format!(
        "\
api_version: fleet/v1
name: acme
transports:
  lab: {{ kind: sandbox }}
  sydney: {{ kind: ssm, region: ap-southeast-2 }}
services:
  web: {{ template: base, artifact: s3://acme/web.zip, requires: {{ base: '>=2' }} }}
  base: {{}}
# The one key of alice.

people: {{ alice: {{ key: {} }} }}

defaults: {{ transport: sydney }}
",
        KEYS[0]
    );
    let environment = "\
services:
  web: { version: 1.0.0, sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef }
  base: 2.0.0
hosts: { one: { instance: i-0a1b2c3d }, two: { instance: i-0a1b2c3e } }
approvals: { from: [alice], required: 1 }
after: { environment: staging, healthy_for: 1h }
";
    let find = |fleet: &str, environment: &str| {
        let tree = Tree::default()
            .with(FLEET_FILE, fleet)
            .with(DEV, environment)
            .with("environments/staging.yaml", STAGING)
            .with("templates/base/deploy.sh.hbs", "");
        places(&tree, &load(&tree))
    };
    assert_eq!(find(&fleet, environment), [""; 0]);
    let mut failures = Vec::new();
    for (file, part, instead, expected) in FAR_REACHING {
        let change = |of: &str, text: &str| {
            if of != file {
                return text.to_owned();
            }
            assert!(text.contains(part), "{part} is no part of {text}");
            text.replacen(part, instead, 1)
        };
        let found = find(&change(FLEET_FILE, &fleet), &change(DEV, environment));
        let expected = match expected.contains(".yaml") {
            true => expected.to_owned(),
            false => format!("{file}:{expected}"),
        };
        if found != [expected] {
            failures.push(format!("{instead}\n  {found:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
