//! Input that somebody made to do harm. Each of these would take minutes, gigabytes or the whole
//! stack if a bound were missing.

use std::fmt::Write as _;

use super::{DEV, FLEET, load, places, tree};

/// The codes found in an environment's file, each once.
fn codes(environment: &str) -> Vec<&'static str> {
    let loaded = load(&tree(&[(DEV, environment)]));
    let mut codes: Vec<&str> = loaded.diagnostics.iter().map(|found| found.code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

#[test]
fn aliases_that_multiply_are_cut_off() {
    let mut laughs = "a0: &a0 lol\n".to_owned();
    for level in 1..40 {
        let below = level - 1;
        writeln!(
            laughs,
            "a{level}: &a{level} [{}*a{below}]",
            format!("*a{below}, ").repeat(9)
        )
        .expect("a string");
    }
    assert_eq!(codes(&laughs), ["F008"]);
}

#[test]
fn aliases_that_repeat_much_are_cut_off() {
    let text = "x".repeat(1 << 20);
    let quadratic = format!(
        "variables: {{ a: &a {text}, b: [{}] }}\n",
        "*a, ".repeat(20)
    );
    assert_eq!(codes(&quadratic), ["F008"]);
}

#[test]
fn aliases_that_repeat_little_are_read() {
    let mut hosts = String::new();
    for number in 0..2_000 {
        writeln!(hosts, "  h{number}: *host").expect("a string");
    }
    let environment = format!(
        "services: {{ web: 1.0.0, cron: 1.0.0 }}\nhosts:\n  h: &host {{ labels: {{ a: b }}, variables: {{ a: b }} }}\n{hosts}"
    );
    assert_eq!(codes(&environment), [""; 0]);
}

#[test]
fn nesting_is_cut_off_whatever_it_is_made_of() {
    for opening in ["[", "{a: ", "- ", "? ", "a: [{", "[[{a: ", "- ? "] {
        let nested = opening.repeat(10_000);
        assert_eq!(codes(&format!("hosts:\n  {nested}")), ["F007"], "{opening}");
    }
    let mut steps = String::new();
    for depth in 0..10_000_usize {
        writeln!(steps, "{:depth$}a:", "").expect("a string");
    }
    assert_eq!(codes(&steps), ["F007"]);
}

#[test]
fn many_problems_are_counted_and_not_kept() {
    let mut environment = "services: { web: 1.0.0, cron: 1.0.0 }\nhosts: { one: {} }\n".to_owned();
    for number in 0..3_000 {
        writeln!(environment, "key{number}: x").expect("a string");
    }
    let tree = tree(&[(DEV, &environment)]);
    let loaded = load(&tree);
    assert_eq!(loaded.diagnostics.len(), 1_001);
    assert_eq!(places(&tree, &loaded)[0], "environments/dev.yaml:1:1 F016");
    assert_eq!(
        loaded.diagnostics[0].message,
        "2000 more problems of this file are not shown"
    );
}

#[test]
fn small_files_that_multiply_to_large_fleets_are_refused() {
    let mut declared = "services:\n".to_owned();
    let (mut services, mut hosts) = (String::new(), String::new());
    for number in 0..2_000 {
        writeln!(declared, "  a{number}: {{ template: web }}").expect("a string");
        write!(services, "a{number}: 1.0.0, ").expect("a string");
        write!(hosts, "h{number}: {{}}, ").expect("a string");
    }
    let fleet = FLEET.replace("services:\n", &declared);
    let environment = format!("services: {{ {services} }}\nhosts: {{ {hosts} }}\n");
    let tree = tree(&[("fleet.yaml", &fleet), (DEV, &environment)]);
    assert_eq!(
        places(&tree, &load(&tree)),
        ["environments/dev.yaml:2:1 F129"]
    );
}

#[test]
fn what_a_message_repeats_cannot_drive_a_terminal() {
    let key = format!("\"\\e]0;{}\\a\\u202e\": 1\n", "x".repeat(500));
    let loaded = load(&tree(&[(DEV, &key)]));
    let message = &loaded.diagnostics[0].message;
    assert!(message.is_ascii() || message.contains('…'), "{message}");
    assert!(!message.contains(char::is_control), "{message}");
    assert!(message.chars().count() < 150, "{message}");
}
