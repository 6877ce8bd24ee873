//! Versions set in texts of every layout.

use super::{FLEET, load, tree};
use crate::manifest::edit::{EditError, Release, set_pin, set_redeploy, set_version};
use crate::model::id::{HostName, ServiceName};

fn hashed(text: &str, version: &str, sha256: Option<&str>) -> Result<String, EditError> {
    set_version(text, &ServiceName::new("web"), Release { version, sha256 })
}

fn set(text: &str, version: &str) -> Result<String, EditError> {
    hashed(text, version, None)
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
        what: "version",
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
        what: "version",
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

fn hashed_pin(text: &str, version: &str, sha256: Option<&str>) -> Result<String, EditError> {
    let release = Release { version, sha256 };
    set_pin(
        text,
        &HostName::new("one"),
        &ServiceName::new("web"),
        release,
    )
}

fn pin(text: &str, version: &str) -> Result<String, EditError> {
    hashed_pin(text, version, None)
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
        what: "version",
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
                what: "version",
                service: service(),
                line: 1,
            },
        ),
    ] {
        assert_eq!(pin(text, "1.2.0"), Err(expected), "{text}");
    }
}

const OLD: &str = "00000000000000000000000000000000000000000000000000000000000000aa";
const NEW: &str = "00000000000000000000000000000000000000000000000000000000000000bb";

/// Manifests of every layout with a hash, `OLD`; version and hash stand between marks.
const HASHED: [&str; 16] = [
    "services: { web: { version: «1.1.0», sha256: «OLD» } }\nhosts: { one: {} }\n",
    "services: {web: {sha256: «OLD»,version: «1.1.0»}}\nhosts: {one: {}}",
    "services:\n  web:\n    version: «1.1.0»   # now\n    sha256: «OLD» # of Tuesday\nhosts: { one: {} }\n",
    "services:\n  web:\n    sha256: «'OLD'»\n    select: name=one\n    version: «\"1.1.0\"»\nhosts: { one: {} }\n",
    "services:\r\n  web:\r\n    version: «1.1.0»\r\n    sha256: «\"OLD\"»\r\nhosts: { one: {} }\r\n",
    "services: { web: { version: «1.1.0», sha256: «sha256:OLD» } }\nhosts: { one: {} }\n",
    "services: { web: { version: «1.1.0», sha256: «'sha256:OLD'» } }\nhosts: { one: {} }\n",
    "\u{feff}services: { web: { version: «1.1.0», sha256: «OLD» } } # é\nhosts: { one: {} }\n",
    "hosts: { one: {} }\nservices:\n  web:\n    version: «1.1.0»\n    sha256: «OLD»",
    "services:\n  ? web\n  : ? version\n    : «1.1.0»\n    ? sha256\n    : «OLD»\nhosts: { one: {} }\n",
    "services:\n  web:\n    version:\n      «1.1.0»\n    sha256:\n      # long\n      «OLD»\nhosts: { one: {} }\n",
    "services:\n  web: &w\n    version: &v «1.1.0»\n    sha256: &h «OLD»\nhosts: { one: {} }\n",
    "variables: { a: OLD }\nservices: { web: { version: «1.1.0», sha256: «OLD» } }\nhosts: { one: {} }\n",
    "services:\n  web: {\n    version: «1.1.0», # in brackets\n    sha256: «OLD»,\n  }\nhosts: { one: {} }\n",
    "services:\n    web:\n            version: «1.1.0»\n\n            # from the build\n\n            sha256: «OLD»\nhosts: { one: {} }\n",
    "---\nservices: { 'web': { 'version': «1.1.0», \"sha256\": «OLD» } }\nhosts: { one: {} }\n...\n",
];

#[test]
fn of_sixteen_layouts_version_and_hash_change_and_no_other_byte() {
    for marked in HASHED {
        let marked = marked.replace("OLD", OLD);
        let mut before = String::new();
        let mut after = String::new();
        for part in marked.split('»') {
            let (kept, value) = part.split_once('«').unwrap_or((part, ""));
            before += &[kept, value].concat();
            after += kept;
            after += &value.replace("1.1.0", "1.2.0").replace(OLD, NEW);
        }
        let edited = hashed(&before, "1.2.0", Some(NEW));
        assert_eq!(edited.as_deref(), Ok(&*after), "{before}");
        // As sha256sum does not print it, and as other tools do.
        let shouted = format!("sha256:{}", NEW.to_uppercase());
        assert_eq!(hashed(&before, "1.2.0", Some(&shouted)), edited, "{before}");
        // Nothing of it changes where it stands there already.
        let same = hashed(&after, "1.2.0", Some(NEW));
        assert_eq!(same.as_deref(), Ok(&*after), "{after}");
        assert_eq!(hashed(&after, "1.2.0", None), same, "{after}");
        let stale = hashed(&before, "1.2.0", None);
        assert!(matches!(stale, Err(EditError::Stale { .. })), "{stale:?}");
        assert!(hashed(&before, "absent", None).is_ok(), "{before}");
    }
}

#[test]
fn a_hash_is_written_beside_its_version_in_its_layout() {
    for (before, after) in [
        (
            "services:\n  web: 1.1.0 # now\nhosts: { one: {} }\n",
            "services:\n  web: { version: 1.2.0, sha256: NEW } # now\nhosts: { one: {} }\n",
        ),
        (
            "services: {web: '1.1.0'}\nhosts: { one: {} }",
            "services: {web: { version: '1.2.0', sha256: NEW }}\nhosts: { one: {} }",
        ),
        (
            "services:\r\n  web:\r\n    1.1.0\r\nhosts: { one: {} }\r\n",
            "services:\r\n  web:\r\n    { version: 1.2.0, sha256: NEW }\r\nhosts: { one: {} }\r\n",
        ),
        (
            "services:\n  ? web\n  : 1.1.0\nhosts: { one: {} }\n",
            "services:\n  ? web\n  : { version: 1.2.0, sha256: NEW }\nhosts: { one: {} }\n",
        ),
        (
            "services: { web: { version: 1.1.0 , select: name=one } }\nhosts: { one: {} }\n",
            "services: { web: { version: 1.2.0, sha256: NEW , select: name=one } }\nhosts: { one: {} }\n",
        ),
        (
            "services:\n  web:\n    version: \"1.1.0\"   # now\n    select: name=one\nhosts: { one: {} }\n",
            "services:\n  web:\n    version: \"1.2.0\"   # now\n    sha256: NEW\n    select: name=one\nhosts: { one: {} }\n",
        ),
        (
            "hosts: { one: {} }\r\nservices:\r\n  web:\r\n    select: name=one\r\n    version: 1.1.0",
            "hosts: { one: {} }\r\nservices:\r\n  web:\r\n    select: name=one\r\n    version: 1.2.0\r\n    sha256: NEW",
        ),
        (
            "services: { web: &v 1.1.0 }\nhosts: { one: {} }\n",
            "services: { web: &v { version: 1.2.0, sha256: NEW } }\nhosts: { one: {} }\n",
        ),
    ] {
        let after = after.replace("NEW", NEW);
        let edited = hashed(before, "1.2.0", Some(NEW));
        assert_eq!(edited.as_deref(), Ok(&*after), "{before}");
        let fleet = FLEET
            .replace(
                "web: { timeout",
                "web: { artifact: s3://acme-build/web.zip, timeout",
            )
            .replace("  cron: { template: job }\n", "");
        let loaded = load(&tree(&[("fleet.yaml", &fleet), (super::DEV, &after)]));
        assert_eq!(loaded.diagnostics, [], "{after}");
        let fleet = loaded.fleet.expect("a fleet");
        let web = &fleet.environments["dev"].hosts["one"].services["web"];
        assert_eq!(web.version.as_str(), "1.2.0");
        assert_eq!(web.sha256.as_deref(), Some(NEW));
    }
    // Where YAML would take it for a number.
    let digits = "1".repeat(64);
    assert_eq!(
        hashed("services: { web: 1.1.0 }", "1.2.0", Some(&digits)),
        Ok(format!(
            "services: {{ web: {{ version: 1.2.0, sha256: \"{digits}\" }} }}"
        ))
    );
}

#[test]
fn a_hash_that_cannot_be_set_is_refused_with_its_places() {
    let service = || ServiceName::new("web");
    let long = |version: &str, rest: &str| {
        format!("services: {{ web: {{ version: {version}{rest} }} }}\n")
    };
    for (text, expected) in [
        (
            format!("x: &h {OLD}\n{}", long("1.1.0", ", sha256: *h")),
            EditError::Alias {
                what: "sha256",
                service: service(),
                line: 2,
                source_line: 1,
            },
        ),
        (
            format!("{}x: *h\n", long("1.1.0", &format!(", sha256: &h {OLD}"))),
            EditError::Shared {
                service: service(),
                line: 1,
                alias_line: 2,
            },
        ),
        (
            "services:\n  web: &v 1.1.0\n  cron: *v\n".to_owned(),
            EditError::Shared {
                service: service(),
                line: 2,
                alias_line: 3,
            },
        ),
        (
            long("1.1.0", ", sha256: [a]"),
            EditError::Shape {
                what: "sha256",
                service: service(),
                line: 1,
            },
        ),
        (
            "services:\n  web:\n    ? version\n    : 1.1.0\n".to_owned(),
            EditError::Shape {
                what: "version",
                service: service(),
                line: 3,
            },
        ),
    ] {
        assert_eq!(hashed(&text, "1.2.0", Some(NEW)), Err(expected), "{text}");
    }
    for given in ["", "abc", &NEW[1..], &NEW.replace('b', "g"), "md5:00"] {
        let found = hashed("services: { web: 1.1.0 }", "1.2.0", Some(given));
        assert!(matches!(found, Err(EditError::Hash { .. })), "{given}");
    }
}

#[test]
fn a_pin_has_a_hash_of_its_own() {
    let shared = format!("services: {{ web: {{ version: 1.1.0, sha256: {OLD} }} }}\n");
    for (before, after) in [
        (
            "hosts: { one: { services: { web: 1.0.0 } } }\n",
            "hosts: { one: { services: { web: { version: 1.2.0, sha256: NEW } } } }\n",
        ),
        (
            "hosts: { one: { services: { web: { version: 1.0.0, sha256: OLD } } } }\n",
            "hosts: { one: { services: { web: { version: 1.2.0, sha256: NEW } } } }\n",
        ),
        (
            "hosts:\n  one:\n    services:\n      web:\n        version: 1.0.0 # why\n",
            "hosts:\n  one:\n    services:\n      web:\n        version: 1.2.0 # why\n        sha256: NEW\n",
        ),
        (
            "hosts:\n  one:\n    hold: a\n",
            "hosts:\n  one:\n    hold: a\n    services: { web: { version: 1.2.0, sha256: NEW } }\n",
        ),
        (
            "hosts: { one: {} }\n",
            "hosts: { one: { services: { web: { version: 1.2.0, sha256: NEW } } } }\n",
        ),
    ] {
        let [before, after] = [before, after]
            .map(|text| shared.clone() + &text.replace("OLD", OLD).replace("NEW", NEW));
        let edited = hashed_pin(&before, "1.2.0", Some(NEW));
        assert_eq!(edited.as_deref(), Ok(&*after), "{before}");
        // The hash of the environment, or that of the pin, is not that of another version.
        let stale = pin(&before, "1.2.0");
        assert!(matches!(stale, Err(EditError::Stale { .. })), "{stale:?}");
    }
    // The hash of the environment is that of its own version.
    assert!(pin(&format!("{shared}hosts: {{ one: {{}} }}\n"), "1.1.0").is_ok());
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
        what: "version",
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
                what: "version",
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
