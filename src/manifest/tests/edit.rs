//! Versions set in texts of every layout.

use super::{FLEET, load, tree};
use crate::manifest::edit::{EditError, set_pin, set_redeploy, set_version};
use crate::model::id::{HostName, ServiceName};

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

/// Manifests of every layout; the version of `web` is 1.1.0 and stands between marks.
const CORPUS: [&str; 24] = [
    "services:\n  web: «1.1.0»\nhosts: { one: {} }\n",
    "services: { web: «1.1.0» }\nhosts: { one: {} }\n",
    "services: {web: «1.1.0»}\nhosts: {one: {}}",
    "services:\n  web: «\"1.1.0\"» # quoted\nhosts: { one: {} }\n",
    "services:\n  web: «'1.1.0'»\t# a\ttab in a comment\nhosts: { one: {} }\n",
    "# CRLF\r\nservices:\r\n  web: «1.1.0» # now\r\nhosts:\r\n  one: {}\r\n",
    "services:\n  web: «1.1.0»\nhosts: { one: {} }",
    "hosts: { one: {} }\nservices:\n  web: «1.1.0»",
    "\u{feff}services: { web: «1.1.0» }\nhosts: { one: {} }\n",
    "---\nservices: { web: «1.1.0» }\nhosts: { one: {} }\n...\n",
    "%YAML 1.2\n---\nservices: { web: «1.1.0» }\nhosts: { one: {} }\n",
    "services:\n    web:\n        select: name=one\n        version:   «1.1.0»   # wide\nhosts: { one: {} }\n",
    "services:\n  web: { select: name=one, version: «1.1.0», variables: { a: 1.1.0 } }\nhosts: { one: {} }\n",
    "services:\n  {\n    web: «1.1.0», # in brackets\n  }\nhosts: { one: {} }\n",
    "services:\n  web: &v «1.1.0»\nhosts: { one: {} }\n",
    "variables: { a: &a 1.1.0, b: *a }\nservices: { web: «1.1.0» }\nhosts: { one: {} }\n",
    "services:\n  ? web\n  : «1.1.0»\nhosts: { one: {} }\n",
    "? services\n: ? \"web\"\n  : { version: «1.1.0» }\n? hosts\n: one: {}\n",
    "\"services\":\n  'web': «1.1.0»\n'hosts': { \"one\": {} }\n",
    "services:\n\n  # 1.1.0 is what Bob wants\n\n  web:\n\n    # really\n    «1.1.0»\n\n\nhosts: { one: {} }\n\n\n",
    "variables:\n  list:\n  - 1.1.0\n  - web\nservices: { web: «1.1.0» }\nhosts: { one: {} }\n",
    "variables:\n  text: |\n    services:\n      web: 1.1.0\nservices: { web: «1.1.0» }\nhosts: { one: {} }\n",
    "services: { web: «1.1.0» } # trailing spaces   \n  \nhosts: { one: {} }\n   \n",
    "variables: { long: LONG }\nservices: { web: «1.1.0» }\nhosts: { one: {} }\n",
];

#[test]
fn of_twenty_four_layouts_one_value_changes_and_no_other_byte() {
    for marked in CORPUS {
        let marked = marked.replace("LONG", &"x".repeat(5_000));
        let (before, rest) = marked.split_once('«').expect("a mark");
        let (value, after) = rest.split_once('»').expect("a mark");
        let edited = set(&[before, value, after].concat(), "1.2.0")
            .unwrap_or_else(|error| panic!("{marked}: {error}"));
        let written = value.replace("1.1.0", "1.2.0");
        assert_eq!(edited, [before, &written, after].concat());
    }
}

fn pin(text: &str, version: &str) -> Result<String, EditError> {
    set_pin(
        text,
        &HostName::new("one"),
        &ServiceName::new("web"),
        version,
    )
}

#[test]
fn a_pin_is_set_or_added_in_the_layout_of_its_host() {
    for (before, after) in [
        // Set.
        (
            "hosts: { one: { services: { web: 1.0.0 } } } # é\n",
            "hosts: { one: { services: { web: 1.2.0 } } } # é\n",
        ),
        (
            "hosts:\n  one:\n    services:\n      web: '1.0.0' # why\n",
            "hosts:\n  one:\n    services:\n      web: '1.2.0' # why\n",
        ),
        // Added to brackets.
        (
            "hosts: { one: {} }\n",
            "hosts: { one: { services: { web: 1.2.0 } } }\n",
        ),
        (
            "hosts:\n  one: {labels: {a: b}}  # x\n  two: {}\n",
            "hosts:\n  one: {labels: {a: b}, services: { web: 1.2.0 }}  # x\n  two: {}\n",
        ),
        (
            "hosts: { one: { services: { cron: 1.0.0 } } }",
            "hosts: { one: { services: { cron: 1.0.0, web: 1.2.0 } } }",
        ),
        (
            "hosts: { one: &o { hold: a, } }\n",
            "hosts: { one: &o { hold: a, services: { web: 1.2.0 }, } }\n",
        ),
        // Added to lines.
        (
            "hosts:\n  one:\n    hold: a # for Bob\n\n  # the other\n  two: {}\n",
            "hosts:\n  one:\n    hold: a # for Bob\n    services: { web: 1.2.0 }\n\n  # the other\n  two: {}\n",
        ),
        (
            "hosts:\r\n  one:\r\n    services:\r\n      cron: 1.0.0\r\n",
            "hosts:\r\n  one:\r\n    services:\r\n      cron: 1.0.0\r\n      web: 1.2.0\r\n",
        ),
        (
            "hosts:\n  one:\n    labels:\n      a: b",
            "hosts:\n  one:\n    labels:\n      a: b\n    services: { web: 1.2.0 }",
        ),
        (
            "hosts:\n  one:\n    variables:\n      a: |\n        text\n  two: {}\n",
            "hosts:\n  one:\n    variables:\n      a: |\n        text\n    services: { web: 1.2.0 }\n  two: {}\n",
        ),
    ] {
        assert_eq!(pin(before, "1.2.0").as_deref(), Ok(after), "{before}");
    }
    assert_eq!(
        pin("hosts: { one: {} }", "1.10").as_deref(),
        Ok("hosts: { one: { services: { web: \"1.10\" } } }")
    );
}

#[test]
fn a_pin_that_is_not_one_place_is_refused_with_its_places() {
    let service = || ServiceName::new("web");
    let alias = |line, source_line| EditError::Alias {
        service: service(),
        line,
        source_line,
    };
    for (text, expected) in [
        ("hosts:\n  two: &h { hold: a }\n  one: *h\n", alias(3, 2)),
        (
            "hosts:\n  two: { services: &s { web: 1.0.0 } }\n  one: { services: *s }\n",
            alias(3, 2),
        ),
        (
            "hosts:\n  one: &h { hold: a }\n  two: *h\n",
            EditError::Shared {
                service: service(),
                line: 2,
                alias_line: 3,
            },
        ),
        (
            "hosts: { two: {} }\n",
            EditError::NoHost {
                host: HostName::new("one"),
            },
        ),
        (
            "hosts: [one]\n",
            EditError::Shape {
                service: service(),
                line: 1,
            },
        ),
    ] {
        assert_eq!(pin(text, "1.2.0"), Err(expected), "{text}");
    }
}

fn redeploy(text: &str, redeploy: &str) -> Result<String, EditError> {
    set_redeploy(text, &ServiceName::new("web"), redeploy)
}

#[test]
fn only_redeploy_changes() {
    for (before, text, after) in [
        (
            "services:\n  web: 1.1.0     # pinned\n  cron: 1.0.0\n",
            "again",
            "services:\n  web: { version: 1.1.0, redeploy: again }     # pinned\n  cron: 1.0.0\n",
        ),
        (
            "services: { web: '1.10', cron: 1.0.0 } # ü\n",
            "2026-11-29T19:20:00Z",
            "services: { web: { version: '1.10', redeploy: \"2026-11-29T19:20:00Z\" }, cron: 1.0.0 } # ü\n",
        ),
        (
            "services:\r\n  web:\r\n    version: 1.1.0 # new\r\n    select: a\r\n",
            "x",
            "services:\r\n  web:\r\n    version: 1.1.0 # new\r\n    select: a\r\n    redeploy: x\r\n",
        ),
        (
            "services: { web: { version: 1.1.0, redeploy: once, hold: no } }",
            "twice",
            "services: { web: { version: 1.1.0, redeploy: twice, hold: no } }",
        ),
        (
            "services:\n  web: &v 1.1.0\n",
            "x",
            "services:\n  web: &v { version: 1.1.0, redeploy: x }\n",
        ),
    ] {
        assert_eq!(redeploy(before, text).as_deref(), Ok(after), "{before}");
    }
}

#[test]
fn redeploy_is_refused_where_it_has_no_one_place() {
    let service = || ServiceName::new("web");
    let shape = |line| EditError::Shape {
        service: service(),
        line,
    };
    for (text, expected) in [
        (
            "services:\n  web: absent\n",
            EditError::Absent {
                service: service(),
                line: 2,
            },
        ),
        (
            "services: { cron: 1.1.0 }\n",
            EditError::Missing { service: service() },
        ),
        (
            "services:\n  web: &v 1.1.0\n  cron: *v\n",
            EditError::Shared {
                service: service(),
                line: 2,
                alias_line: 3,
            },
        ),
        (
            "services:\n  cron: &v 1.1.0\n  web: *v\n",
            EditError::Alias {
                service: service(),
                line: 3,
                source_line: 2,
            },
        ),
        ("services:\n  web: |-\n    1.1.0\n", shape(3)),
        ("services:\n  web:\n", shape(2)),
        ("services:\n  web: [1.1.0]\n", shape(2)),
    ] {
        assert_eq!(redeploy(text, "x"), Err(expected), "{text}");
    }
}
