//! The keys that say when and by whom: windows, approvals, canaries, and what services bring along.

use super::{Case, DEV, FLEET, FLEET_FILE, load, tree};
use crate::model::desired::Environment;
use crate::model::plan::GateKind;
use crate::model::policy::Policy;

/// A public key whose private half was thrown away.
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILaH3zBsTklVQhajvS0kD/Gd4WpNNjYUTqwSau+Jb4lz";

const FLEET_WITH: &str = "api_version: fleet/v1\nname: acme\ntransports: { lab: { kind: sandbox } }\nservices: { web: {}, cron: { template: job } }\n";

pub(super) const CASES: &[Case] = &[
    (
        "zones, times and dates of a window",
        DEV,
        "services: { web: 1.0.0, cron: 1.0.0 }\nhosts: { one: {} }\nwindow:\n  timezone: Sydney\n  allow: [{ days: [tu], from: 9:30, to: 25:00 }]\n  deny:\n  - dates: { from: 2026-02-30, until: 2027-01-04 }\n  - dates: { from: 2027-01-04, until: 2026-12-20 }\n  - { from: '24:00' }\n  - { days: [] }\n  cutoff: 15\n",
        &[
            "4:13 F130",
            "5:20 F105",
            "7:20 F132",
            "8:39 F133",
            "9:7 F131",
            "10:13 F133",
            "11:11 F110",
        ],
    ),
    (
        "times of a window",
        DEV,
        "services: { web: 1.0.0, cron: 1.0.0 }\nhosts: { one: {} }\nwindow: { timezone: utc, allow: [{ from: 9:30 }, { to: '25:00' }] }\n",
        &["3:21 F130", "3:42 F131", "3:56 F131"],
    ),
    (
        "a window without zone",
        DEV,
        "services: { web: 1.0.0, cron: 1.0.0 }\nhosts: { one: {} }\nwindow: { cutoff: 15m }\n",
        &["3:11 F102"],
    ),
    (
        "a window that says nothing",
        DEV,
        "services: { web: 1.0.0, cron: 1.0.0 }\nhosts: { one: {} }\nwindow: { timezone: Europe/Dublin }\n",
        &["3:11 F133"],
    ),
    (
        "an environment that does not exist",
        DEV,
        "services: { web: 1.0.0, cron: 1.0.0 }\nhosts: { one: {} }\nafter: { environment: staging, healthy_for: 24h }\n",
        &["3:23 F207"],
    ),
    (
        "an environment that waits for itself",
        DEV,
        "services: { web: 1.0.0, cron: 1.0.0 }\nhosts: { one: {} }\nafter: { environment: dev, healthy_for: 1 day }\nrollback: { window: always }\n",
        &["3:41 F110", "4:21 F105"],
    ),
    (
        "environments in a circle",
        DEV,
        "services: { web: 1.0.0, cron: 1.0.0 }\nhosts: { one: {} }\nafter: { environment: dev, healthy_for: 1d }\n",
        &["3:23 F402"],
    ),
    (
        "people who do not exist",
        DEV,
        "services: { web: 1.0.0, cron: 1.0.0 }\nhosts: { one: {} }\napprovals: { required: 1, from: [alice], not_for: [new_hosts], valid: 1s }\n",
        &["3:34 F208", "3:52 F105", "3:71 F111"],
    ),
    (
        "approvals that nobody can give",
        DEV,
        "services: { web: 1.0.0, cron: 1.0.0 }\nhosts: { one: {} }\napprovals: { required: 1 }\n",
        &["3:14 F145"],
    ),
    (
        "keys and addresses of people",
        FLEET_FILE,
        "api_version: fleet/v1\nname: acme\ntransports: { lab: { kind: sandbox } }\nservices: { web: {}, cron: { template: job } }\npeople:\n  alice: { key: ssh-ed25519 AAAA, emails: [alice] }\n  bob: {}\n",
        &["6:17 F134", "6:44 F135", "7:8 F102"],
    ),
    (
        "what a canary and its strategy have to say to each other",
        DEV,
        "services: { web: 1.0.0, cron: 1.0.0 }\nhosts: { one: {} }\nrollout: { strategy: batch, canary: 10%, after_canary: wait, per_instance: 6, soak: 1y }\n",
        &["3:37 F114", "3:56 F114", "3:76 F112", "3:85 F110"],
    ),
    (
        "a canary that selects nothing",
        DEV,
        "services: { web: 1.0.0, cron: 1.0.0 }\nhosts: { one: {} }\nrollout: { strategy: canary, canary: { select: role=canary } }\n",
        &["3:48 F205"],
    ),
    (
        "a platform that is none",
        DEV,
        "services: { web: 1.0.0, cron: 1.0.0 }\nhosts: { one: { platform: windows }, two: { platform: macos } }\n",
        &["2:55 F105"],
    ),
    (
        "a canary that is none",
        DEV,
        "services: { web: 1.0.0, cron: 1.0.0 }\nhosts: { one: {} }\nrollout: { strategy: canary, canary: 0 }\n",
        &["3:38 F113"],
    ),
    (
        "discovery in a sandbox, and tags that say nothing",
        DEV,
        "services: { web: 1.0.0, cron: 1.0.0 }\nhosts: { one: {} }\ndiscover: { tags: { Role: [] } }\n",
        &["3:1 F213", "3:27 F142"],
    ),
    (
        "an emergency",
        DEV,
        "services: { web: 1.0.0, cron: 1.0.0 }\nhosts: { one: {} }\nemergency: { service: wbe, version: 1.0.1, reason: '', expires: tomorrow }\n",
        &["3:52 F144", "3:65 F143"],
    ),
    (
        "an emergency of no service",
        DEV,
        "services: { web: 1.0.0, cron: 1.0.0 }\nhosts: { one: {} }\nemergency: { service: wbe, version: 1.0.1, reason: fire, expires: 2026-11-20T01:02:03Z }\n",
        &["3:23 F201"],
    ),
    (
        "a hash that is none, and one of nothing",
        DEV,
        "services: { web: { version: 1.0.0, sha256: abc }, cron: { version: 1.0.0, sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef } }\nhosts: { one: {} }\n",
        &["1:44 F136", "1:83 F114"],
    ),
    (
        "a hash of nothing",
        DEV,
        "services: { web: 1.0.0, cron: { version: 1.0.0, sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef } }\nhosts: { one: {} }\n",
        &["1:57 F114"],
    ),
    (
        "pins with hashes",
        DEV,
        "services: { web: 1.0.0, cron: 1.0.0 }\nhosts:\n  one: { services: { web: { version: 1.1, sha256: abc }, cron: { sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, select: a } } }\n",
        &[
            "3:38 F108",
            "3:51 F136",
            "3:66 F102",
            "3:74 F114",
            "3:140 F101",
        ],
    ),
    (
        "names of AWS",
        FLEET_FILE,
        "api_version: fleet/v1\nname: acme\ntransports:\n  lab: { kind: sandbox, role_arn: a }\n  far: { kind: ssm, region: eu-west-1, role_arn: 'arn:aws:iam::12:role/x', external_id: x, storage: https://b, documents: { linux: a } }\nservices: { web: {}, cron: { template: job } }\ndefaults: { transport: lab }\n",
        &[
            "4:25 F114",
            "5:50 F138",
            "5:89 F138",
            "5:101 F139",
            "5:132 F138",
        ],
    ),
    (
        "an external id of no role",
        FLEET_FILE,
        "api_version: fleet/v1\nname: acme\ntransports:\n  lab: { kind: sandbox }\n  far: { kind: ssm, region: eu-west-1, external_id: abc }\nservices: { web: {}, cron: { template: job } }\ndefaults: { transport: lab }\n",
        &["5:40 F114"],
    ),
    (
        "artifacts and requirements",
        FLEET_FILE,
        "api_version: fleet/v1\nname: acme\ntransports: { lab: { kind: sandbox } }\nservices:\n  web: { artifact: http://a/b, requires: { cron: newest, job: '1' } }\n  cron: { template: job, artifact: { windows: 's3://abc/{{version}}.zip' } }\n",
        &[
            "5:20 F137",
            "5:50 F141",
            "5:58 F201",
            "environments/dev.yaml:1:25 F212",
            "environments/dev.yaml:1:25 W202",
        ],
    ),
    (
        "requirements that cannot be met",
        FLEET_FILE,
        "api_version: fleet/v1\nname: acme\ntransports: { lab: { kind: sandbox } }\nservices:\n  web: { requires: { cron: '>=2' } }\n  cron: { template: job }\n",
        &["environments/dev.yaml:1:13 F209"],
    ),
    (
        "requirements in a circle",
        FLEET_FILE,
        "api_version: fleet/v1\nname: acme\ntransports: { lab: { kind: sandbox } }\nservices:\n  web: { requires: { cron: '1' } }\n  cron: { template: job, requires: { web: '1' } }\n",
        &["5:22 F210", "6:38 F210"],
    ),
    (
        "what must not stand in a manifest",
        FLEET_FILE,
        "api_version: fleet/v1\nname: acme\ntransports: { lab: { kind: sandbox } }\nservices: { web: {}, cron: { template: job } }\nnotifications: [{ kind: slack, url: 'https://hooks.slack.com/x' }, { kind: mail }]\n",
        &["5:37 F140", "5:70 F102", "5:76 F105"],
    ),
];

/// What the tests below find.
pub(super) const COVERED: &[&str] = &["fleet.yaml:7:15 F211"];

#[test]
fn one_key_of_two_people_is_an_error() {
    let fleet = format!(
        "{FLEET_WITH}people:\n  alice: {{ key: {KEY} }}\n  bob: {{ key: {KEY} comment }}\n"
    );
    let tree = tree(&[(FLEET_FILE, &fleet)]);
    assert_eq!(super::places(&tree, &load(&tree)), COVERED);
}

/// `fleet.yaml` and an environment in which every key is set.
pub(super) fn everything_as_text() -> (String, String) {
    let fleet = FLEET.replace(
        "services:\n",
        &format!(
            "people:\n  alice: {{ key: {KEY}, emails: [alice@acme.example] }}\n\
             notifications: [{{ kind: webhook, url: env:HOOK, key: file:/run/key }}]\n\
             services:\n  runtime: {{ template: job }}\n"
        ),
    );
    let fleet = fleet
        .replace(
            "  sydney: { kind: ssm, region: ap-southeast-2 }",
            "  sydney: { kind: ssm, region: ap-southeast-2, role_arn: 'arn:aws:iam::123456789012:role/fleet', external_id: acme, storage: s3://acme-fleet/fleet, documents: { linux: Ours } }",
        )
        .replace(
            "web: {",
            "web: { artifact: 's3://acme/web-{{version}}.zip', requires: { runtime: '>=2.0.0' },",
        );
    let production = "\
transport: sydney
services:
  web: { version: 1.1.0, redeploy: again, sha256: 0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef }
  runtime: 2.1.0
  cron: absent
hosts:
  one: { instance: i-0a1b2c3d4e5f60718 }
  two: { instance: i-0a1b2c3d4e5f60719, platform: windows }
discover: { tags: { Role: [hosting] } }
window:
  timezone: Australia/Sydney
  allow: [{ days: [thu, tue], from: 10:00, to: 14:00 }]
  deny: [{ dates: { from: 2026-12-20, until: 2027-01-04 }, reason: Christmas freeze }]
  cutoff: 15m
after: { environment: dev, healthy_for: 24h }
approvals: { required: 1, wait: 10m, not_for: [repair, new_host] }
rollout: { strategy: canary, canary: 10%, batch: [10%, 50%], soak: 15m, after_canary: wait, offline: hold, per_instance: 2 }
rollback: { approvals: 0, window: any, strategy: all }
emergency: { service: web, version: 1.1.0, reason: fire, expires: 2026-11-20T01:02:03Z }
observe_every: 1h
drift: repair
";
    (fleet, production.to_owned())
}

/// The environment of a fleet with everything set, and a person's key.
fn everything() -> (Environment, String) {
    let (fleet, production) = everything_as_text();
    let tree = tree(&[
        (FLEET_FILE, &fleet),
        (DEV, "services: { cron: 1.0.0 }\nhosts: { one: {} }\n"),
        ("environments/production.yaml", &production),
    ]);
    let loaded = load(&tree);
    assert_eq!(loaded.diagnostics, []);
    let mut fleet = loaded.fleet.expect("a valid fleet");
    let environment = fleet
        .environments
        .remove("production")
        .expect("an environment");
    (environment, fleet.people["alice"].key.clone())
}

#[test]
fn every_key_is_read_and_what_cannot_be_acted_on_closes_a_gate() {
    let (production, key) = everything();
    assert_eq!(key, KEY);
    let closed: Vec<(GateKind, &str)> = production
        .unsupported
        .iter()
        .map(|it| (it.gate, it.key.as_str()))
        .collect();
    use GateKind::{After, Approvals, Unsupported, Window};
    assert_eq!(
        closed,
        [
            (Window, "window"),
            (After, "after"),
            (Approvals, "approvals.required"),
            (Approvals, "approvals.wait"),
            (Unsupported, "rollback"),
            (Unsupported, "emergency"),
            (Unsupported, "discover"),
            (Unsupported, "platform: windows"),
            (Unsupported, "observe_every"),
            (Unsupported, "services.web.artifact"),
            (Unsupported, "services.web.sha256"),
            (Unsupported, "transports.sydney.role_arn"),
            (Unsupported, "transports.sydney.storage"),
            (Unsupported, "transports.sydney.documents"),
            (Unsupported, "notifications"),
        ]
    );
    let two = &production.hosts["two"];
    assert!(!two.services.contains_key("cron"));
    let cron = &production.absent["two"]["cron"];
    assert_eq!((cron.to(), cron.template.as_str()), (None, "job"));
    let web = &two.services["web"];
    assert_eq!(web.artifact.as_deref(), Some("s3://acme/web-1.1.0.zip"));
    let hash = "0123456789abcdef".repeat(4);
    assert_eq!(web.sha256.as_deref(), Some(hash.as_str()));
}

#[test]
fn a_hash_is_that_of_one_version() {
    let fleet = FLEET.replace(
        "web: {",
        "web: { artifact: 's3://acme/web-{{version}}.zip',",
    );
    let [shared, own] = ["ab", "cd"].map(|digits| digits.repeat(32));
    let environment = format!(
        "services: {{ web: {{ version: 1.1.0, sha256: {shared} }}, cron: 1.0.0 }}\n\
         hosts:\n  one: {{}}\n  two: {{ services: {{ web: 1.1.0 }} }}\n  three: {{ services: {{ web: 1.0.0 }} }}\n  \
         four: {{ services: {{ web: {{ version: 1.0.0, sha256: {own} }} }} }}\n"
    );
    let tree = tree(&[(FLEET_FILE, &fleet), (DEV, &environment)]);
    let loaded = load(&tree);
    // The third one's artifact is checked against nothing.
    assert_eq!(super::places(&tree, &loaded), [format!("{DEV}:5:24 W202")]);
    let fleet = loaded.fleet.expect("a valid fleet");
    let hosts = &fleet.environments["dev"].hosts;
    let found = ["one", "two", "three", "four"].map(|host| {
        let web = &hosts[host].services["web"];
        (web.version.as_str(), web.sha256.as_deref())
    });
    assert_eq!(
        found,
        [
            ("1.1.0", Some(&*shared)),
            ("1.1.0", Some(&*shared)),
            ("1.0.0", None),
            ("1.0.0", Some(&*own)),
        ]
    );
}

#[test]
fn the_policy_of_a_plan_has_every_default_filled_in() {
    let (production, _) = everything();
    let policy = Policy {
        gates: production.gates,
        rollout: production.rollout,
        hold: Vec::new(),
    };
    insta::assert_json_snapshot!(policy);
    let text = serde_json::to_string(&policy).expect("JSON");
    let read: Policy = serde_json::from_str(&text).expect("a policy");
    assert_eq!(read, policy);
}

#[test]
fn what_an_environment_leaves_out_loosens_nothing() {
    let defaults = format!(
        "{FLEET_WITH}people: {{ alice: {{ key: {KEY} }} }}\ndefaults:\n  approvals: {{ required: 1 }}\n  window: {{ timezone: UTC, allow: [{{ days: [mon] }}] }}\n"
    );
    let own = format!(
        "{}approvals: {{ wait: 10m }}\nwindow: {{ cutoff: 5m }}\n",
        super::ENVIRONMENT
    );
    let tree = tree(&[(FLEET_FILE, &defaults), (DEV, &own)]);
    let loaded = load(&tree);
    assert_eq!(loaded.diagnostics, []);
    let fleet = loaded.fleet.expect("a valid fleet");
    let gates = &fleet.environments["dev"].gates;
    assert_eq!(gates.approvals.required, 1);
    assert_eq!(gates.approvals.from, ["alice"]);
    let window = gates.window.as_ref().expect("a window");
    assert_eq!(window.allow.len(), 1);
    assert_eq!(window.cutoff.0, 300);
}
