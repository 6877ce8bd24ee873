//! What concerns files as such, several files at once, and files that nobody wrote by hand.

use super::{DEV, ENVIRONMENT, FLEET, FLEET_FILE, load, places, tree};
use crate::model::source::{Entry, Tree};

/// The codes that the tests of this file find.
pub(super) const COVERED: &[&str] = &[
    "F002", "F008", "F016", "F020", "F021", "F022", "F023", "F024", "F025", "F026", "F129", "F401",
    "W001",
];

fn check(tree: &Tree, expected: &[&str]) {
    assert_eq!(places(tree, &load(tree)), expected);
}

fn with(mut tree: Tree, path: &str, entry: Entry) -> Tree {
    tree.entries.insert(path.into(), entry);
    tree
}

#[test]
fn a_missing_fleet_file_is_one_error_and_environments_are_still_read() {
    let mut tree = tree(&[(
        DEV,
        "hosts: { one: { lables: {} } }\nservices: { web: 1.10 }\n",
    )]);
    tree.entries.remove(FLEET_FILE);
    check(
        &tree,
        &[
            "environments/dev.yaml:1:17 F101",
            "environments/dev.yaml:2:18 F108",
            "fleet.yaml:1:1 F020",
        ],
    );
    assert!(load(&tree).fleet.is_none());
}

#[test]
fn what_is_no_file_is_reported_and_never_followed() {
    let link = || Entry::Link("../../etc/passwd".to_owned());
    check(
        &with(tree(&[]), DEV, link()),
        &["environments/dev.yaml:1:1 F021"],
    );
    check(
        &with(tree(&[]), DEV, Entry::TooLarge(17 << 20)),
        &["environments/dev.yaml:1:1 F022"],
    );
    check(
        &with(tree(&[]), DEV, Entry::Other),
        &["environments/dev.yaml:1:1 F023"],
    );
    check(
        &with(tree(&[]), FLEET_FILE, link()),
        &["fleet.yaml:1:1 F021"],
    );
    check(
        &with(tree(&[]), "environments/eu", link()),
        &["environments/eu:1:1 F021"],
    );
    let mut folder = with(tree(&[]), "environments", link());
    folder.entries.remove(DEV);
    check(&folder, &["environments:1:1 F021"]);
    for (entry, code) in [
        (link(), "F021"),
        (Entry::Other, "F023"),
        (Entry::File(b"".as_slice().into()), "F026"),
    ] {
        let mut folder = with(tree(&[]), "templates", entry);
        folder
            .entries
            .retain(|path, _| !path.starts_with("templates/"));
        check(&folder, &[&format!("templates:1:1 {code}")]);
    }
}

#[test]
fn files_of_environments_have_the_right_name_and_place() {
    for (path, code) in [
        ("environments/eu.yml", "F024"),
        ("environments/eu.YAML", "F024"),
        ("environments/eu/dev.yaml", "F025"),
        ("environments/Eu.yaml", "F107"),
        ("environments/eu.west.yaml", "F107"),
        ("environments/aux.yaml", "F107"),
    ] {
        let tree = tree(&[(path, ENVIRONMENT)]);
        check(&tree, &[&format!("{path}:1:1 {code}")]);
        let loaded = load(&tree);
        assert_eq!(loaded.invalid.len(), 1, "{path}");
    }
    let others = tree(&[
        ("environments/README.md", "ours"),
        ("environments/.gitkeep", ""),
        ("environments/.yaml", ""),
    ]);
    check(&others, &[]);
}

#[test]
fn text_is_utf_8() {
    let tree = tree(&[]);
    let tree = tree.with(DEV, b"services: {}\n# \xff\n".as_slice());
    check(&tree, &["environments/dev.yaml:2:3 F002"]);
    let tree = tree.with(DEV, b"\xff\xfeh\0".as_slice());
    check(&tree, &["environments/dev.yaml:1:1 F002"]);
    // UTF-16 may come without a mark.
    let tree = tree.with(DEV, b"h\0o\0s\0t\0s\0:\0".as_slice());
    check(&tree, &["environments/dev.yaml:1:1 F002"]);
}

#[test]
fn a_fleet_without_environments_is_a_warning() {
    let mut tree = tree(&[]);
    tree.entries.remove(DEV);
    check(&tree, &["fleet.yaml:1:1 W001"]);
    assert!(load(&tree).fleet.is_some());
}

#[test]
fn an_invalid_environment_leaves_the_others_usable() {
    let loaded = load(&tree(&[("environments/eu.yaml", "hosts: [")]));
    let fleet = loaded.fleet.expect("a valid fleet");
    assert!(fleet.environments.contains_key("dev"));
    assert!(!fleet.environments.contains_key("eu"));
    assert!(loaded.invalid.contains("eu"));
    assert_eq!(loaded.invalid.len(), 1);
}

#[test]
fn a_service_on_an_instance_belongs_to_one_environment() {
    let one = "\
transport: sydney
services: { web: 1.0.0, cron: { version: 1.0.0, select: name=a } }
hosts: { a: { instance: i-0a1b2c3d }, b: { instance: i-0a1b2c3d } }
";
    let two = "\
transport: sydney
services: { web: { version: 1.0.0, select: web }, cron: 1.0.0 }
hosts: { x: { instance: i-0a1b2c3d }, y: { instance: i-0a1b2c3e, labels: { web: yes } } }
";
    let both = tree(&[
        ("environments/one.yaml", one),
        ("environments/two.yaml", two),
    ]);
    // `cron` collides, `web` does not: only `y` runs it in `two`, which is another instance.
    check(
        &both,
        &[
            "environments/one.yaml:3:25 F401",
            "environments/two.yaml:3:25 F401",
        ],
    );
    let loaded = load(&both);
    assert_eq!(loaded.invalid.len(), 2);
    assert!(
        loaded
            .fleet
            .is_some_and(|fleet| fleet.environments.len() == 1)
    );
}

#[test]
fn ten_problems_of_five_files_come_out_in_one_run() {
    let tree = tree(&[
        (
            FLEET_FILE,
            &FLEET
                .replace("name: acme", "nam: acme")
                .replace("10m", "10"),
        ),
        (
            DEV,
            "services: { web: 1.10 }\nhosts: { one: { lables: {} } }\n",
        ),
        (
            "environments/eu.yaml",
            "services: { wbe: 1.0.0 }\nhosts: { Two: {} }\nrollout: { strategy: cnary }\n",
        ),
        ("environments/us.yml", ""),
        ("environments/za.yaml", "hosts: [\n"),
    ]);
    let loaded = load(&tree);
    let report: Vec<String> = loaded
        .diagnostics
        .iter()
        .zip(places(&tree, &loaded))
        .map(|(diagnostic, place)| {
            let help = diagnostic.help.as_deref().unwrap_or_default();
            format!("{place} {}\n    {help}", diagnostic.message)
        })
        .collect();
    insta::assert_snapshot!(report.join("\n"));
    assert!(loaded.fleet.is_none());
}
