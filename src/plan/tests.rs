//! The rules of design.md §5, a row each.

mod canary;
mod drift;
mod requires;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;
use crate::model::desired::Platform;
use crate::model::id::{Digest, InstanceId, Version};
use crate::model::ledger::{Block, BlockedHosts, UntouchedHost, UntouchedKind};
use crate::model::observed::HostRecord;
use crate::model::plan::{Action, ChangeReason};
use crate::model::policy::{BatchSize, Strategy};
use crate::model::time::Seconds;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

/// An environment in which every host should run `app` in one version.
struct Lab {
    environment: Environment,
    ledger: EnvironmentLedger,
    template: &'static str,
    narrow: Narrow,
    returning: Option<BTreeSet<HostName>>,
}

fn lab(hosts: &[&str], version: &str) -> Lab {
    let host = |name: &&str| {
        let assignment = Assignment::new(version.into(), "app".into(), Seconds(60));
        let host = Host {
            name: (*name).into(),
            instance: instance(name),
            platform: Platform::Linux,
            labels: BTreeMap::from([("role".to_owned(), "web".to_owned())]),
            hold: None,
            services: BTreeMap::from([("app".into(), assignment)]),
        };
        (host.name.clone(), host)
    };
    Lab {
        environment: Environment::new(
            "production".into(),
            "lab".into(),
            hosts.iter().map(host).collect(),
        ),
        ledger: EnvironmentLedger::default(),
        template: "t",
        narrow: Narrow::default(),
        returning: None,
    }
}

fn instance(host: &str) -> InstanceId {
    InstanceId::new(format!("i-{host}"))
}

fn digests(version: &Version, template: &str) -> Digests {
    Digests {
        digest: Digest::of(format!("{version} {template}")),
        scripts: Digest::of(format!("scripts {template}")),
        template: Digest::of(template),
        definition: Digest::of(format!("definition {template}")),
        host_definition: Digest::of(format!("host definition {template}")),
        redeploy: None,
    }
}

impl Lab {
    /// Records that a version runs on a host, with the digest it has today.
    fn runs(mut self, host: &str, version: Option<&str>, state: ServiceState) -> Self {
        let digests = version.map(|version| digests(&version.into(), self.template));
        let record = ServiceRecord {
            version: version.map(Version::from),
            previous_version: None,
            digest: digests.as_ref().map(|it| it.digest.clone()),
            scripts: digests.as_ref().map(|it| it.scripts.clone()),
            template: digests.as_ref().map(|it| it.template.clone()),
            redeploy: None,
            drifted_from: None,
            repaired: None,
            state,
            since: NOW,
            rollout: None,
            revision: None,
            previous_revision: None,
            command: None,
            seconds: 1.0,
            stages: BTreeMap::new(),
            facts: BTreeMap::new(),
            message: String::new(),
        };
        let host_record = HostRecord {
            instance: instance(host),
            services: BTreeMap::from([("app".into(), Box::new(record))]),
        };
        let host_record = Arc::new(host_record);
        self.ledger.hosts.insert(host.into(), host_record);
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn record(&mut self, host: &str) -> &mut ServiceRecord {
        let host = self.ledger.hosts.get_mut(host).unwrap();
        Arc::make_mut(host).services.get_mut("app").unwrap()
    }

    fn assignment(&mut self, host: &str) -> &mut Assignment {
        let host = self.environment.hosts.get_mut(host).unwrap();
        host.services.get_mut("app").unwrap()
    }

    fn plan(&self) -> EnvironmentPlan {
        let table = DigestTable::build(&self.environment, |_, _, assignment| {
            Ok::<_, ()>(digests(&assignment.version, self.template))
        });
        let (plan, _) = plan(&PlanInput {
            fleet: &"acme".into(),
            fleet_hold: None,
            environment: &self.environment,
            ledger: &self.ledger,
            digests: &table.unwrap(),
            gates: &[],
            now: NOW,
            narrow: &self.narrow,
            returning: self.returning.as_ref(),
        });
        let rows = plan.changes.len() + plan.held.len() + plan.unchanged.len();
        if self.narrow.is_everything() && self.returning.is_none() {
            let wanted = self.environment.hosts.values();
            let wanted: usize = wanted.map(|host| host.services.len()).sum();
            let absent: usize = self.environment.absent.values().map(BTreeMap::len).sum();
            let wanted = wanted + absent;
            assert_eq!(rows, wanted, "every host × service has exactly one line");
        }
        plan
    }

    /// One line per host, in words.
    fn lines(&self) -> Vec<String> {
        let plan = self.plan();
        let changes = plan.changes.iter().map(|it| {
            let from = it.from.as_ref().map_or("-", Version::as_str);
            let to = it.to.as_ref().map_or("-", Version::as_str);
            format!(
                "{} wave {} {} {from} {to} {}",
                it.host,
                it.wave,
                it.action.as_str(),
                it.reason.as_str()
            )
        });
        let held = plan
            .held
            .iter()
            .map(|it| format!("{} held {}: {}", it.host, it.reason.as_str(), it.message));
        let unchanged = plan
            .unchanged
            .iter()
            .map(|it| format!("{} unchanged", it.host));
        changes.chain(held).chain(unchanged).collect()
    }
}

#[track_caller]
fn check(lab: &Lab, expected: &str) {
    assert_eq!(lab.lines(), [expected]);
}

#[test]
fn the_action_follows_from_what_is_recorded() {
    use ServiceState::{Adopted, Drifted, Failed, Healthy, Released, RolledBack};
    let recorded = |version, state| lab(&["h"], "1.2.0").runs("h", version, state);
    check(&lab(&["h"], "1.2.0"), "h wave 1 install - 1.2.0 new_host");
    for (version, state, expected) in [
        (Some("1.2.0"), Healthy, "h unchanged"),
        (Some("1.2.0"), Adopted, "h unchanged"),
        (Some("1.2.0"), RolledBack, "h unchanged"),
        (Some("1.2.0"), Drifted, "h held drift: "),
        (
            Some("1.1.9"),
            Healthy,
            "h wave 1 upgrade 1.1.9 1.2.0 version",
        ),
        (
            Some("1.1.9"),
            RolledBack,
            "h wave 1 upgrade 1.1.9 1.2.0 version",
        ),
        (
            Some("1.10.0"),
            Healthy,
            "h wave 1 downgrade 1.10.0 1.2.0 version",
        ),
        (
            Some("v1.1.0"),
            Healthy,
            "h wave 1 upgrade v1.1.0 1.2.0 version",
        ),
        (
            Some("v1.2.0"),
            Healthy,
            "h wave 1 change v1.2.0 1.2.0 version",
        ),
        (
            Some("1.2.0+b"),
            Healthy,
            "h wave 1 change 1.2.0+b 1.2.0 version",
        ),
        (
            Some("1.2.0-rc.1"),
            Healthy,
            "h wave 1 upgrade 1.2.0-rc.1 1.2.0 version",
        ),
        (
            Some("2024.1"),
            Healthy,
            "h wave 1 change 2024.1 1.2.0 version",
        ),
        (None, Failed, "h wave 1 install - 1.2.0 version"),
        (None, RolledBack, "h wave 1 install - 1.2.0 version"),
        (
            Some("1.2.0"),
            Failed,
            "h wave 1 reconfigure 1.2.0 1.2.0 drift",
        ),
        (Some("1.2.0"), Released, "h wave 1 install - 1.2.0 version"),
    ] {
        assert_eq!(
            recorded(version, state).lines(),
            [expected],
            "{version:?} {state:?}"
        );
    }
}

#[test]
fn another_instance_is_a_new_host() {
    let lab = lab(&["h"], "1.0.0")
        .runs("h", Some("1.0.0"), ServiceState::Healthy)
        .with(|lab| lab.environment.hosts.get_mut("h").unwrap().instance = "i-other".into());
    check(&lab, "h wave 1 install - 1.0.0 new_host");
}

#[test]
fn a_new_service_does_not_make_a_host_new() {
    let lab = lab(&["h"], "1.0.0")
        .runs("h", Some("1.0.0"), ServiceState::Healthy)
        .with(|lab| {
            let host = lab.ledger.hosts.get_mut("h").unwrap();
            Arc::make_mut(host).services.clear();
        });
    check(&lab, "h wave 1 install - 1.0.0 version");
}

#[test]
fn the_same_version_otherwise_is_a_reconfiguration() {
    let recorded = || lab(&["h"], "1.0.0").runs("h", Some("1.0.0"), ServiceState::Healthy);
    check(
        &recorded().with(|lab| lab.template = "another"),
        "h wave 1 reconfigure 1.0.0 1.0.0 template",
    );
    check(
        &recorded().with(|lab| lab.record("h").digest = Some(Digest::of("other variables"))),
        "h wave 1 reconfigure 1.0.0 1.0.0 variables",
    );
    let again = recorded().with(|lab| {
        let record = lab.record("h");
        record.digest = Some(Digest::of("as deployed before"));
        record.redeploy = Some(Digest::of("before"));
    });
    check(&again, "h wave 1 reconfigure 1.0.0 1.0.0 redeploy");
}

/// Nobody knows more of it than its version.
#[test]
fn what_was_adopted_changes_where_something_else_is_desired() {
    let adopted = |desired| {
        let lab = lab(&["h"], desired).runs("h", Some("1.0.0"), ServiceState::Adopted);
        lab.with(|lab| lab.record("h").digest = None)
    };
    check(&adopted("1.0.0"), "h unchanged");
    check(&adopted("1.1.0"), "h wave 1 upgrade 1.0.0 1.1.0 version");
}

#[test]
fn what_is_to_go_has_a_line_as_well() {
    use ServiceState::{Failed, Healthy, Released, RolledBack, Unknown};
    let absent = |lab: &mut Lab| {
        let host = lab.environment.hosts.get_mut("h").unwrap();
        host.services.clear();
        let away = Assignment::new("none".into(), "app".into(), Seconds(60));
        let services = BTreeMap::from([("app".into(), away)]);
        lab.environment.absent.insert("h".into(), services);
    };
    check(&lab(&["h"], "1.0.0").with(absent), "h unchanged");
    let goes = "h wave 1 remove 1.0.0 - version";
    let perhaps = "h wave 1 remove - - version";
    let unknown = "h held unknown: did not answer; it is asked when a pass starts";
    for (version, state, expected) in [
        (Some("1.0.0"), Healthy, goes),
        (Some("1.0.0"), RolledBack, goes),
        (Some("1.0.0"), Released, goes),
        (None, Failed, perhaps),
        (None, Unknown, unknown),
        (None, Healthy, "h unchanged"),
        (None, RolledBack, "h unchanged"),
    ] {
        let lab = lab(&["h"], "1.0.0").runs("h", version, state).with(absent);
        assert_eq!(lab.lines(), [expected], "{version:?} {state:?}");
    }
    let another = lab(&["h"], "1.0.0")
        .runs("h", Some("1.0.0"), Healthy)
        .with(absent)
        .with(|lab| lab.environment.hosts.get_mut("h").unwrap().instance = "i-other".into());
    check(&another, "h unchanged");
}

#[test]
fn older_scripts_are_counted_and_change_nothing() {
    let plan = lab(&["a", "b"], "1.0.0")
        .runs("a", Some("1.0.0"), ServiceState::Healthy)
        .runs("b", Some("1.0.0"), ServiceState::Healthy)
        .with(|lab| lab.record("a").scripts = Some(Digest::of("older")))
        .plan();
    assert!(plan.changes.is_empty());
    assert_eq!(
        plan.unchanged.iter().filter(|it| it.older_scripts).count(),
        1
    );
    assert_eq!(plan.warnings.len(), 1, "{:?}", plan.warnings);
}

#[test]
fn what_is_wanted_may_be_held() {
    let old = || lab(&["h"], "1.1.0").runs("h", Some("1.0.0"), ServiceState::Healthy);
    let definitions = digests(&"1.1.0".into(), "t");
    check(
        &old().with(|lab| {
            lab.environment.hosts.get_mut("h").unwrap().hold = Some("demo".to_owned());
        }),
        "h held hold: demo",
    );
    check(
        &old().with(|lab| lab.assignment("h").hold = Some("audit".to_owned())),
        "h held hold: audit",
    );
    check(
        &old().with(|lab| lab.record("h").state = ServiceState::Unknown),
        "h held unknown: did not answer; it is asked when a pass starts",
    );
    let block = |hosts, definition: &Digest| Block {
        service: "app".into(),
        version: Some("1.1.0".into()),
        definition: definition.clone(),
        hosts,
        reason: "it failed on g".to_owned(),
        rollout: "r".into(),
        since: NOW,
    };
    let listed = |host: &str| BlockedHosts::Listed(vec![host.into()]);
    let upgrade = "h wave 1 upgrade 1.0.0 1.1.0 version";
    for (block, expected) in [
        (
            block(BlockedHosts::ALL, &definitions.definition),
            "h held blocked: it failed on g",
        ),
        (
            block(listed("h"), &definitions.host_definition),
            "h held blocked: it failed on g",
        ),
        (block(listed("g"), &definitions.host_definition), upgrade),
        (
            block(BlockedHosts::ALL, &Digest::of("another definition")),
            upgrade,
        ),
        (block(listed("h"), &definitions.definition), upgrade),
    ] {
        let lab = old().with(|lab| lab.ledger.blocked.blocks.push(block.clone()));
        assert_eq!(lab.lines(), [expected], "{block:?}");
    }
    let another = old().with(|lab| {
        let block = block(BlockedHosts::ALL, &definitions.definition);
        lab.ledger.blocked.blocks.push(block);
        lab.assignment("h").version = "1.2.0".into();
    });
    check(&another, "h wave 1 upgrade 1.0.0 1.2.0 version");
}

#[test]
fn one_unknown_service_holds_the_whole_host() {
    let lab = lab(&["h"], "1.1.0")
        .runs("h", Some("1.0.0"), ServiceState::Healthy)
        .with(|lab| {
            let unknown = ServiceRecord {
                state: ServiceState::Unknown,
                ..lab.record("h").clone()
            };
            let host = Arc::make_mut(lab.ledger.hosts.get_mut("h").unwrap());
            host.services.insert("web".into(), Box::new(unknown));
        });
    check(
        &lab,
        "h held unknown: did not answer; it is asked when a pass starts",
    );
}

#[test]
fn an_unknown_service_is_held_even_at_its_version() {
    let lab = lab(&["h"], "1.0.0").runs("h", Some("1.0.0"), ServiceState::Unknown);
    check(
        &lab,
        "h held unknown: did not answer; it is asked when a pass starts",
    );
}

#[test]
fn untouched_hosts_wait_for_their_time() {
    let hour = std::time::Duration::from_secs(3_600);
    let entry = |kind, until, free_until| UntouchedHost {
        host: "h".into(),
        service: "app".into(),
        version: Some("1.1.0".into()),
        definition: digests(&"1.1.0".into(), "t").host_definition,
        kind,
        reason: "disk full".to_owned(),
        tries: 1,
        until,
        free_until,
        rollout: "r".into(),
    };
    let old = |entry: UntouchedHost| {
        lab(&["h"], "1.1.0")
            .runs("h", Some("1.0.0"), ServiceState::Healthy)
            .with(|lab| lab.ledger.blocked.untouched.push(entry))
    };
    use UntouchedKind::{Deferred, Refused};
    let upgrade = "h wave 1 upgrade 1.0.0 1.1.0 version";
    let week = NOW + 7 * 24 * hour;
    check(
        &old(entry(Refused, Some(NOW + hour), week)),
        "h held refused: disk full",
    );
    check(&old(entry(Refused, Some(NOW), week)), upgrade);
    check(&old(entry(Refused, None, week)), upgrade);
    check(
        &old(entry(Deferred, None, week)),
        "h held deferred: offline: disk full",
    );
    check(&old(entry(Deferred, None, NOW)), upgrade);
    let other = UntouchedHost {
        definition: Digest::of("another definition"),
        ..entry(Deferred, None, week)
    };
    check(&old(other), upgrade);
}

#[test]
fn a_returning_host_gets_a_plan_of_its_own() {
    let lab = lab(&["a", "h"], "1.1.0").with(|lab| {
        lab.ledger.blocked.untouched.push(UntouchedHost {
            host: "h".into(),
            service: "app".into(),
            version: Some("1.1.0".into()),
            definition: digests(&"1.1.0".into(), "t").host_definition,
            kind: UntouchedKind::Deferred,
            reason: "offline".to_owned(),
            tries: 1,
            until: None,
            free_until: NOW + std::time::Duration::from_secs(1),
            rollout: "r".into(),
        });
        lab.returning = Some(BTreeSet::from(["h".into()]));
    });
    check(&lab, "h wave 1 install - 1.1.0 new_host");
}

#[test]
fn hosts_come_by_name_and_the_troubled_ones_last() {
    let plan = lab(&["a", "b", "c", "d"], "1.1.0")
        .runs("a", Some("1.0.0"), ServiceState::RolledBack)
        .runs("b", Some("1.0.0"), ServiceState::Healthy)
        .runs("c", None, ServiceState::Failed)
        .plan();
    let hosts: Vec<&str> = plan.changes.iter().map(|it| it.host.as_str()).collect();
    assert_eq!(hosts, ["b", "d", "a", "c"]);
}

#[test]
fn waves_follow_the_strategy() {
    use BatchSize::{Hosts, Percent};
    let sizes = |hosts: usize, strategy, batch: &[BatchSize]| {
        let names: Vec<String> = (0..hosts).map(|n| format!("h{n:02}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let lab = lab(&names, "1.0.0").with(|lab| {
            lab.environment.rollout.strategy = strategy;
            lab.environment.rollout.batch = batch.to_vec();
        });
        let plan = lab.plan();
        let of_wave = |number: u32| plan.changes.iter().filter(|it| it.wave == number).count();
        for wave in &plan.waves {
            assert_eq!(of_wave(wave.number), wave.hosts.len());
        }
        plan.waves
            .iter()
            .map(|wave| wave.hosts.len())
            .collect::<Vec<_>>()
    };
    let batch = Strategy::Batch;
    assert_eq!(sizes(5, Strategy::All, &[Hosts(1)]), [5]);
    assert_eq!(sizes(5, batch, &[Hosts(2)]), [2, 2, 1]);
    assert_eq!(sizes(6, batch, &[Hosts(1), Hosts(2)]), [1, 2, 2, 1]);
    assert_eq!(sizes(10, batch, &[Percent(10), Percent(50)]), [1, 5, 4]);
    assert_eq!(sizes(3, batch, &[Percent(10)]), [1, 1, 1]);
    assert_eq!(sizes(7, batch, &[Percent(25), Hosts(100)]), [2, 5]);
    assert_eq!(sizes(0, batch, &[Hosts(1)]), [0_usize; 0]);
    // One host, which is the default canary, then the ramp.
    let canary = Strategy::Canary;
    assert_eq!(sizes(6, canary, &[Hosts(2), Hosts(3)]), [1, 2, 3]);
}

#[test]
fn all_changes_of_a_host_are_in_one_wave() {
    let plan = lab(&["a", "b", "c"], "1.0.0")
        .with(|lab| {
            lab.environment.rollout.strategy = Strategy::Batch;
            lab.environment.rollout.batch = vec![BatchSize::Hosts(2)];
            for host in lab.environment.hosts.values_mut() {
                let app = host.services["app"].clone();
                host.services.insert("web".into(), app);
            }
        })
        .plan();
    let rows: Vec<(&str, &str, u32)> = plan
        .changes
        .iter()
        .map(|it| (it.host.as_str(), it.service.as_str(), it.wave))
        .collect();
    assert_eq!(
        rows,
        [
            ("a", "app", 1),
            ("a", "web", 1),
            ("b", "app", 1),
            ("b", "web", 1),
            ("c", "app", 2),
            ("c", "web", 2)
        ]
    );
}

#[test]
fn the_id_survives_a_plan_anew_and_dies_with_any_change() {
    let base = || lab(&["a", "b"], "1.0.0");
    let id = base().plan().plan_id;
    assert_eq!(base().plan().plan_id, id);
    let others = [
        base().with(|lab| lab.environment.rollout.max_failures = 1),
        base().with(|lab| lab.environment.hold = Some("x".to_owned())),
        base().with(|lab| lab.assignment("a").version = "1.0.1".into()),
        base().with(|lab| lab.template = "another"),
        base().with(|lab| lab.environment.hosts.get_mut("a").unwrap().instance = "i-x".into()),
        base().runs("a", Some("1.0.0"), ServiceState::Healthy),
    ];
    for other in others {
        assert_ne!(other.plan().plan_id, id);
    }
}

#[test]
fn narrowing_leaves_out_what_does_not_match() {
    let narrowed = |narrow: Narrow| lab(&["a", "b"], "1.0.0").with(|lab| lab.narrow = narrow);
    let host = Narrow {
        hosts: BTreeSet::from(["b".into()]),
        ..Narrow::default()
    };
    check(&narrowed(host.clone()), "b wave 1 install - 1.0.0 new_host");
    let selector = Narrow {
        selector: "name=a,role=web".parse().unwrap(),
        ..Narrow::default()
    };
    check(&narrowed(selector), "a wave 1 install - 1.0.0 new_host");
    let lab = lab(&["a", "b"], "1.0.0");
    assert!(!host.matches_nothing(&lab.environment));
    let nothing = Narrow {
        services: BTreeSet::from(["web".into()]),
        ..host
    };
    assert!(nothing.matches_nothing(&lab.environment));
}

#[test]
fn a_change_names_both_digests() {
    let lab = lab(&["h"], "1.1.0").runs("h", Some("1.0.0"), ServiceState::Healthy);
    let plan = lab.plan();
    let change = &plan.changes[0];
    assert_eq!(change.action, Action::Upgrade);
    assert_eq!(change.reason, ChangeReason::Version);
    assert_eq!(change.digest, digests(&"1.1.0".into(), "t").digest);
    assert_eq!(
        change.previous_digest,
        Some(digests(&"1.0.0".into(), "t").digest)
    );
}
