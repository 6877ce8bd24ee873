//! Any text as `fleet.yaml`, and as an environment beside a good `fleet.yaml`: every problem is
//! inside its file, what has errors is not used, and `bump` changes one value and nothing else.

#![no_main]

use fleet::manifest::{Loaded, edit, load};
use fleet::model::id::{EnvironmentName, ServiceName, Version};
use fleet::model::source::Tree;
use libfuzzer_sys::fuzz_target;

const FLEET: &str = "fleet.yaml";
const ENVIRONMENT: &str = "environments/dev.yaml";
const NEW: &str = "99.9.9";
const RELEASE: edit::Release<'_> = edit::Release {
    version: NEW,
    sha256: None,
};

/// Services and transports that the seeds name.
const GOOD_FLEET: &str = "\
api_version: fleet/v1
name: acme
transports: { lab: { kind: sandbox }, sydney: { kind: ssm, region: ap-southeast-2 } }
services: { web: {}, motd: {}, cron: { template: motd } }
people: { alice: { key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILaH3zBsTklVQhajvS0kD/Gd4WpNNjYUTqwSau+Jb4lz } }
defaults: { transport: lab }
";
const GOOD_ENVIRONMENT: &str = "services: { web: 1.0.0 }\nhosts: { one: {} }\n";

fuzz_target!(|bytes: &[u8]| {
    judge(&tree(bytes, GOOD_ENVIRONMENT.as_bytes()));
    let environment = tree(GOOD_FLEET.as_bytes(), bytes);
    let before = judge(&environment);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    for service in ["web", "cron"] {
        let service = ServiceName::new(service);
        let Ok(after) = edit::set_version(text, &service, RELEASE) else {
            continue;
        };
        changes_one_value(text, &after);
        let again = edit::set_version(&after, &service, RELEASE);
        assert_eq!(
            again.as_ref(),
            Ok(&after),
            "setting it again finds it there"
        );
        let after = judge(&environment.clone().with(ENVIRONMENT, &after));
        says_the_version(&before, &after, &service);
    }
});

fn tree(fleet: &[u8], environment: &[u8]) -> Tree {
    Tree::default()
        .with(FLEET, fleet)
        .with(ENVIRONMENT, environment)
        .with("templates/web/deploy.sh.hbs", "")
        .with("templates/motd/deploy.sh.hbs", "")
}

fn judge(tree: &Tree) -> Loaded {
    let loaded = load(tree);
    for found in &loaded.diagnostics {
        assert!(!found.message.contains(char::is_control), "{found:?}");
        let help = found.help.as_deref().unwrap_or_default();
        assert!(!help.contains(char::is_control), "{found:?}");
        let bytes = tree.file(&found.file).expect("a file that is there");
        let related = found.related.iter().map(|(span, _)| span);
        for span in related.chain([&found.span]) {
            match std::str::from_utf8(bytes) {
                Ok(text) => assert!(text.get(span.clone()).is_some(), "{found:?}"),
                Err(_) => assert!(span.end <= bytes.len(), "{found:?}"),
            }
        }
    }
    let has_errors = |file: &str| {
        let mut found = loaded.diagnostics.iter();
        found.any(|found| &*found.file == file && found.code.starts_with('F'))
    };
    assert_eq!(loaded.fleet.is_none(), has_errors(FLEET));
    assert_eq!(loaded.invalid.contains("dev"), has_errors(ENVIRONMENT));
    loaded
}

/// The texts differ in one run of bytes that holds the new version, with quotes or without.
fn changes_one_value(before: &str, after: &str) {
    let equal = |(a, b): &(u8, u8)| a == b;
    let prefix = before.bytes().zip(after.bytes()).take_while(equal).count();
    let rest = before.len().min(after.len()) - prefix;
    let backwards = before.bytes().rev().zip(after.bytes().rev());
    let suffix = backwards.take(rest).take_while(equal).count();
    let written = &after.as_bytes()[prefix..after.len() - suffix];
    assert!(written.len() <= NEW.len() + 2, "{written:?}");
}

/// The model differs in the version of the service, where no host pins it, and in nothing else.
fn says_the_version(before: &Loaded, after: &Loaded, service: &ServiceName) {
    let dev = EnvironmentName::new("dev");
    let Some(fleet) = &before.fleet else { return };
    let Some(environment) = fleet.environments.get(&dev) else {
        return;
    };
    let mut expected = environment.clone();
    for host in expected.hosts.values_mut() {
        if let Some(assignment) = host.services.get_mut(service)
            && !assignment.pinned
        {
            assignment.version = Version::new(NEW);
        }
    }
    let found = after
        .fleet
        .as_ref()
        .and_then(|it| it.environments.get(&dev));
    let found = found.expect("a bump of a valid environment leaves it valid");
    assert_eq!(format!("{found:?}"), format!("{expected:?}"));
}
