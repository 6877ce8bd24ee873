//! Versions set in texts of every layout.

use super::{FLEET, load, tree};
use crate::manifest::edit::{EditError, set_version};
use crate::model::id::ServiceName;

fn set(text: &str, version: &str) -> Result<String, EditError> {
    set_version(text, &ServiceName::new("web"), version)
}

#[test]
fn only_the_version_changes() {
    for (before, version, after) in [
        (
            "services:\n  web: 1.1.0\n",
            "1.2.0",
            "services:\n  web: 1.2.0\n",
        ),
        (
            "services:\n  web: 1.1.0",
            "1.2.0",
            "services:\n  web: 1.2.0",
        ),
        (
            "services: { cron: 1.1.0, web: 1.1.0 } # ü\n",
            "2",
            "services: { cron: 1.1.0, web: \"2\" } # ü\n",
        ),
        (
            "# é\r\nservices:\r\n  web:   1.1.0   # new\r\n\r\n  cron: 1.1.0\r\n",
            "1.10.0",
            "# é\r\nservices:\r\n  web:   1.10.0   # new\r\n\r\n  cron: 1.1.0\r\n",
        ),
        (
            "services: { web: { version: 1.1.0, select: a } }",
            "1.10",
            "services: { web: { version: \"1.10\", select: a } }",
        ),
        (
            "services:\n  \"web\":\n    select: web\n    version: '1.10'  # quoted\n",
            "1.2.0",
            "services:\n  \"web\":\n    select: web\n    version: '1.2.0'  # quoted\n",
        ),
        (
            "services: {web: \"1.1.0\"}",
            "0123",
            "services: {web: \"0123\"}",
        ),
        ("services: {web: 1.1.0}", "a:", "services: {web: \"a:\"}"),
        ("services: {web: 1.10}", "1.10", "services: {web: \"1.10\"}"),
        ("services: {web: 1.1.0}", "1.1.0", "services: {web: 1.1.0}"),
        (
            "services:\n  web: &v 1.1.0\n",
            "1.2.0",
            "services:\n  web: &v 1.2.0\n",
        ),
        (
            "services:\n  ? web\n  : 1.1.0\n",
            "1.2.0",
            "services:\n  ? web\n  : 1.2.0\n",
        ),
        (
            "services:\n  web:\n    1.1.0\nhosts: {}\n",
            "1.2.0",
            "services:\n  web:\n    1.2.0\nhosts: {}\n",
        ),
        (
            "\u{feff}services: {web: \"1.1\\\n  .0\"}\n",
            "1.2.0",
            "\u{feff}services: {web: \"1.2.0\"}\n",
        ),
    ] {
        assert_eq!(set(before, version).as_deref(), Ok(after), "{before}");
    }
}

#[test]
fn what_is_not_one_place_is_refused_with_its_places() {
    let service = || ServiceName::new("web");
    let alias = |line, source_line| EditError::Alias {
        service: service(),
        line,
        source_line,
    };
    let shared = |line, alias_line| EditError::Shared {
        service: service(),
        line,
        alias_line,
    };
    let shape = |line| EditError::Shape {
        service: service(),
        line,
    };
    let missing = || EditError::Missing { service: service() };
    for (text, expected) in [
        ("services:\n  cron: &v 1.1.0\n  web: *v\n", alias(3, 2)),
        (
            "services:\n  cron: &v { version: 1.1.0 }\n  web: *v\n",
            alias(3, 2),
        ),
        ("x: &s\n  web: 1.1.0\nservices: *s\n", alias(3, 2)),
        ("services:\n  web: &v 1.1.0\n  cron: *v\n", shared(2, 3)),
        ("services: &s\n  web: 1.1.0\nx: [*s]\n", shared(2, 3)),
        ("services:\n  web: |-\n    1.1.0\n", shape(3)),
        ("services:\n  web:\n", shape(2)),
        ("services:\n  web: [1.1.0]\n", shape(2)),
        ("services: web\n", shape(1)),
        ("- services\n", shape(1)),
        ("services: { cron: 1.1.0 }\n", missing()),
        ("services: { web: { select: a } }\n", missing()),
        ("hosts: {}\n", missing()),
    ] {
        assert_eq!(set(text, "1.2.0"), Err(expected), "{text}");
    }
    for (text, line) in [("a: [\n", 1), ("a: 1\na: 2\n", 2), ("", 1), ("a: \0", 1)] {
        let found = set(text, "1.2.0");
        assert!(
            matches!(found, Err(EditError::Invalid { line: at, .. }) if at == line),
            "{text} {found:?}"
        );
    }
    for version in ["", "none", "1 2", "a\nb", "x: y", "\"", "a/../b"] {
        let found = set("services: { web: 1.1.0 }", version);
        assert!(matches!(found, Err(EditError::Version { .. })), "{version}");
    }
}

#[test]
fn an_edited_file_is_valid_and_says_the_version() {
    let text = "services:\n  web: 1.1.0 # now\n  cron: 1.0.0\nhosts: { one: {} }\n";
    for version in [
        "1.10",
        "true",
        "2026-01-02",
        "v2",
        "1:30",
        "a:",
        "12e45",
        "0x10",
        "n",
    ] {
        let edited = set(text, version).expect("an edit");
        let loaded = load(&tree(&[("fleet.yaml", FLEET), (super::DEV, &edited)]));
        assert_eq!(loaded.diagnostics, [], "{version}");
        let fleet = loaded.fleet.expect("a fleet");
        let services = &fleet.environments["dev"].hosts["one"].services;
        assert_eq!(services["web"].version.as_str(), version);
        assert_eq!(services["cron"].version.as_str(), "1.0.0");
    }
}
