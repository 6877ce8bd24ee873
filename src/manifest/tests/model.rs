//! Valid manifests and the model they make.

use std::sync::Arc;

use super::{ENVIRONMENT, FLEET, load, tree};
use crate::model::desired::{Fleet, GitSettings, Platform, SsmSettings, TransportSettings, Value};
use crate::model::id::{InstanceId, ServiceName};
use crate::model::policy::{BatchSize, Offline, OnFailure, RolloutPolicy, Strategy};
use crate::model::time::Seconds;

fn fleet(files: &[(&str, &str)]) -> Fleet {
    let loaded = load(&tree(files));
    assert_eq!(loaded.diagnostics, [], "diagnostics");
    assert!(loaded.invalid.is_empty(), "{:?}", loaded.invalid);
    loaded.fleet.expect("a valid fleet")
}

#[test]
fn the_smallest_fleet_has_every_default() {
    let fleet = fleet(&[("environments/dev.yaml", ENVIRONMENT)]);
    assert_eq!(fleet.name.as_str(), "acme");
    assert_eq!(fleet.git, GitSettings::default());
    assert_eq!(fleet.hold, None);
    let dev = &fleet.environments["dev"];
    assert_eq!(dev.transport.as_str(), "lab");
    assert_eq!(dev.rollout, RolloutPolicy::default());
    let host = &dev.hosts["one"];
    let invented = InstanceId::invent(&"acme".into(), &"dev".into(), &"one".into());
    assert_eq!(host.instance, invented);
    assert_eq!(host.platform, Platform::Linux);
    let services: Vec<&str> = host.services.keys().map(ServiceName::as_str).collect();
    assert_eq!(services, ["cron", "web"]);
    let cron = &host.services["cron"];
    assert_eq!(cron.version.as_str(), "1.0.0");
    assert_eq!(cron.template.as_str(), "job");
    assert_eq!(cron.timeout, Seconds(1_800));
    assert!(!cron.pinned);
    let web = &host.services["web"];
    assert_eq!(web.template.as_str(), "web");
    assert_eq!(web.timeout, Seconds(600));
    assert!(Arc::ptr_eq(&web.variables, &web.shared_variables));
}

#[test]
fn every_key_is_acted_on() {
    let fleet = fleet(&[
        (
            "fleet.yaml",
            &format!(
                "{FLEET}git: {{ remote: none, branch: trunk, ledger: a/b, statements: a/c }}\n\
                 hold: moving house\n"
            ),
        ),
        (
            "environments/eu-1.yaml",
            "\
transport: sydney
hold: quiet week
services:
  web: { version: '1.10', select: 'role=web,!old', variables: { port: 8080 }, hold: web waits }
  cron: 2.0.0
variables: { site: sydney, port: 1 }
hosts:
  a: { instance: i-0a1b2c3d4e5f60718, platform: linux, labels: { role: web }, variables: { site: perth } }
  b: { instance: mi-0a1b2c3d4e5f60718, labels: { role: web, old: yes } }
  c: { instance: i-0a1b2c3d, services: { cron: 1.0.0 }, hold: customer demo }
rollout:
  strategy: batch
  batch: [1, 50%]
  max_failures: 2
  on_failure: rollback
  offline: fail
",
        ),
    ]);
    assert_eq!(fleet.hold.as_deref(), Some("moving house"));
    assert_eq!(fleet.git.remote, None);
    assert_eq!(fleet.git.branch, "trunk");
    assert_eq!(fleet.git.ledger, "a/b");
    assert_eq!(fleet.git.statements, "a/c");
    let sydney = SsmSettings {
        region: "ap-southeast-2".to_owned(),
        ..SsmSettings::default()
    };
    assert_eq!(fleet.transports["sydney"], TransportSettings::Ssm(sydney));
    assert_eq!(fleet.environments["eu-1"].unsupported, []);
    let eu = &fleet.environments["eu-1"];
    assert_eq!(eu.hold.as_deref(), Some("quiet week"));
    assert_eq!(
        eu.rollout,
        RolloutPolicy {
            strategy: Strategy::Batch,
            batch: vec![BatchSize::Hosts(1), BatchSize::Percent(50)],
            max_failures: 2,
            on_failure: OnFailure::Rollback,
            offline: Offline::Fail,
            ..RolloutPolicy::default()
        }
    );
    let a = &eu.hosts["a"];
    assert_eq!(a.instance.as_str(), "i-0a1b2c3d4e5f60718");
    let web = &a.services["web"];
    assert_eq!(web.version.as_str(), "1.10");
    assert_eq!(web.hold.as_deref(), Some("web waits"));
    assert!(!eu.hosts["b"].services.contains_key("web"));
    assert_eq!(eu.hosts["b"].labels["old"], "yes");
    let c = &eu.hosts["c"];
    assert_eq!(c.hold.as_deref(), Some("customer demo"));
    assert_eq!(c.services["cron"].version.as_str(), "1.0.0");
    assert!(c.services["cron"].pinned);
}

#[test]
fn variables_are_source_text_and_the_nearest_wins() {
    let fleet = fleet(&[
        (
            "fleet.yaml",
            &FLEET.replace(
                "defaults: {",
                "defaults: { variables: { path: /default, level: default },",
            ),
        ),
        (
            "environments/dev.yaml",
            r#"
services: { web: { version: 1.0.0, variables: { level: service, list: [1.10, yes, "~"] } } }
variables: { level: environment, exporter: yes, half: 0x1F, text: "a\tb" }
hosts:
  one: { variables: { level: host, list: [] } }
  two: {}
"#,
        ),
        ("environments/other.yaml", ENVIRONMENT),
    ]);
    let scalar = |text: &str| Value::Scalar(text.to_owned());
    let list = |texts: &[&str]| Value::List(texts.iter().map(|&text| text.to_owned()).collect());
    let shared = [
        ("exporter", scalar("yes")),
        ("half", scalar("0x1F")),
        ("level", scalar("service")),
        ("list", list(&["1.10", "yes", "~"])),
        ("path", scalar("/default")),
        ("port", scalar("80")),
        ("text", scalar("a\tb")),
    ];
    let hosts = &fleet.environments["dev"].hosts;
    let pairs = |variables: &crate::model::desired::Variables| -> Vec<(String, Value)> {
        variables.clone().into_iter().collect()
    };
    let expected: Vec<(String, Value)> = shared
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let two = &hosts["two"].services["web"];
    assert_eq!(pairs(&two.variables), expected);
    assert!(Arc::ptr_eq(&two.variables, &two.shared_variables));
    let one = &hosts["one"].services["web"];
    assert_eq!(pairs(&one.shared_variables), expected);
    assert_eq!(one.variables["level"], scalar("host"));
    assert_eq!(one.variables["list"], list(&[]));
    assert_eq!(one.variables["path"], scalar("/default"));
    assert!(Arc::ptr_eq(&one.shared_variables, &two.shared_variables));
}

#[test]
fn defaults_of_a_rollout_are_replaced_key_by_key() {
    let defaults =
        "defaults: { transport: lab, rollout: { strategy: batch, batch: 2, offline: fail } }\n";
    let with_defaults = FLEET.replace("defaults: { transport: lab }\n", defaults);
    let rollout = |own: &str| {
        let environment = format!("{ENVIRONMENT}{own}");
        let fleet = fleet(&[
            ("fleet.yaml", &with_defaults),
            ("environments/dev.yaml", &environment),
        ]);
        fleet.environments["dev"].rollout.clone()
    };
    let inherited = RolloutPolicy {
        strategy: Strategy::Batch,
        batch: vec![BatchSize::Hosts(2)],
        offline: Offline::Fail,
        ..RolloutPolicy::default()
    };
    assert_eq!(rollout(""), inherited);
    let own_failures = RolloutPolicy {
        max_failures: 3,
        ..inherited.clone()
    };
    assert_eq!(rollout("rollout: { max_failures: 3 }\n"), own_failures);
    let own_strategy = RolloutPolicy {
        strategy: Strategy::All,
        batch: vec![BatchSize::Percent(100)],
        ..inherited
    };
    assert_eq!(rollout("rollout: { strategy: all }\n"), own_strategy);
}

#[test]
fn files_may_have_a_byte_order_mark_crlf_anchors_and_comments() {
    let fleet = fleet(&[
        ("fleet.yaml", &format!("\u{feff}# ours\n---\n{FLEET}")),
        (
            "environments/dev.yaml",
            "services:\r\n  web: &v 1.1.0 # new\r\n  cron: *v\r\nvariables:\r\n  text: |\r\n    a\r\n    b\r\nhosts:\r\n  one: &host {}\r\n  two: *host\r\n",
        ),
    ]);
    let hosts = &fleet.environments["dev"].hosts;
    assert_eq!(hosts["two"].services["cron"].version.as_str(), "1.1.0");
    let text = &hosts["two"].services["web"].variables["text"];
    assert_eq!(*text, Value::Scalar("a\nb\n".to_owned()));
}
