use super::*;
use crate::model::bundle::Digests;
use crate::model::id::Digest;
use crate::reporter::text::Palette;

pub(super) fn bundle<'a>(files: impl IntoIterator<Item = (&'a str, String)>) -> Bundle {
    let digest = || Digest::of("any");
    Bundle {
        files: files
            .into_iter()
            .map(|(path, text)| (path.to_owned(), text.into_bytes().into()))
            .collect(),
        digests: Digests {
            digest: digest(),
            scripts: digest(),
            template: digest(),
            definition: digest(),
            host_definition: digest(),
            redeploy: None,
        },
    }
}

/// The differences of `web` on some hosts, each with its own two sides of `deploy.sh`.
fn compare(hosts: &[(&str, &str, &str)]) -> Vec<Difference> {
    let mut found = Differences::default();
    for (host, old, new) in hosts {
        let side = |text: &str| bundle([("deploy.sh", text.to_owned())]);
        add(&mut found, host, Some(&side(old)), &side(new));
    }
    found.finish()
}

fn add(found: &mut Differences, host: &str, old: Option<&Bundle>, new: &Bundle) {
    let commit = Revision::from("8c1f0e2aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    let subject = Subject {
        host: &host.into(),
        instance: &InstanceId::new(format!("i-of-{host}")),
        service: &"web".into(),
        against: old.map(|_| &commit),
        note: None,
    };
    found.add(&subject, old, new);
}

const ALL: Options = Options {
    all: true,
    palette: Palette::PLAIN,
    width: 80,
};
const SOME: Options = Options { all: false, ..ALL };

/// The hosts that share a diff, and for whom it is shown.
fn check(hosts: &[(&str, &str, &str)], expect: &[(&str, Option<&str>)]) {
    let found = compare(hosts);
    let groups: Vec<(String, Option<&str>)> = found
        .iter()
        .map(|it| {
            let hosts: Vec<&str> = it.hosts.iter().map(HostName::as_str).collect();
            (hosts.join(" "), it.shown_for.as_ref().map(HostName::as_str))
        })
        .collect();
    let expect: Vec<(String, Option<&str>)> = expect
        .iter()
        .map(|(hosts, shown_for)| ((*hosts).to_owned(), *shown_for))
        .collect();
    assert_eq!(groups, expect);
}

#[test]
fn hosts_share_what_changes_alike_and_nothing_else() {
    check(
        &[("a", "x\n", "y\n"), ("b", "x\n", "y\n")],
        &[("a b", None)],
    );
    check(
        &[("a", "x\n", "y\n"), ("b", "x\n", "z\n")],
        &[("a", None), ("b", None)],
    );
    // In a change: its own name alone may differ, and the text says whose it is.
    check(
        &[
            ("web-1", "n=web-1 i-of-web-1\n", "n=web-1 i-of-web-1 new\n"),
            ("web-2", "n=web-2 i-of-web-2\n", "n=web-2 i-of-web-2 new\n"),
            (
                "web-3",
                "n=web-3 i-of-web-3\n",
                "n=web-3 i-of-web-3 newer\n",
            ),
        ],
        &[("web-1 web-2", Some("web-1")), ("web-3", None)],
    );
    // A name in the other's place is another change.
    check(
        &[("web-1", "", "peer=web-2\n"), ("web-2", "", "peer=web-1\n")],
        &[("web-1", None), ("web-2", None)],
    );
    // A host whose name is in every word unfolds nothing.
    check(
        &[
            ("a", "bar\n", "baz\n"),
            ("b", "bar\n", "baz\n"),
            ("c", "bar\n", "baz\n"),
        ],
        &[("a b c", None)],
    );
    // Around a change: lines that stay may be of the host's own.
    check(
        &[
            ("a", "rack=1\nx\n", "rack=1\ny\n"),
            ("b", "rack=2\nx\n", "rack=2\ny\n"),
        ],
        &[("a b", Some("a"))],
    );
    // The end of a file is part of it.
    check(
        &[("a", "x\n", "y\n"), ("b", "x\n", "y")],
        &[("a", None), ("b", None)],
    );
}

#[test]
fn every_kind_of_change() {
    let mut found = Differences::default();
    let old = bundle([
        (
            "deploy.sh",
            "set -e\n\nold\n1\n2\n3\n4\n5\n6\n7\nend".to_owned(),
        ),
        ("files/app.conf", "a\0b".to_owned()),
        ("observe.sh", "the same\n".to_owned()),
        ("verify.sh", "goes\n".to_owned()),
    ]);
    let new = bundle([
        (
            "deploy.sh",
            "set -e\n\nnew\r\n1\n2\n3\n4\n5\n6\n7\nend\n".to_owned(),
        ),
        ("files/app.conf", "a\0bc".to_owned()),
        ("files/empty", String::new()),
        ("observe.sh", "the same\n".to_owned()),
        (
            "rollback.sh",
            format!("\u{1b}[2J \u{202e}{}\n", "x".repeat(400)),
        ),
    ]);
    add(&mut found, "web-1", Some(&old), &new);
    add(&mut found, "web-2", Some(&new), &new);
    add(&mut found, "web-3", None, &old);
    let commit = Revision::from("1234567aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    found.miss(&Subject {
        host: &"web-4".into(),
        instance: &"i-4".into(),
        service: &"web".into(),
        against: Some(&commit),
        note: Some(&"the recorded commit is gone: no diff".into()),
    });
    let found = found.finish();
    insta::assert_snapshot!(text(&found, SOME));
    let markdown = markdown(&found, 60_000, |text| text.replace('<', "&lt;"));
    insta::assert_snapshot!("every_kind_of_change_markdown", markdown);
    let json = serde_json::to_string(&found[0]).expect("JSON");
    insta::assert_snapshot!("every_kind_of_change_json", json);
}

#[test]
fn what_is_left_out_is_counted() {
    let hosts: Vec<(String, String)> = (0..500)
        .map(|n| (format!("web-{n}"), format!("shard={}\n", n * 7)))
        .collect();
    let hosts: Vec<(&str, &str, &str)> = hosts
        .iter()
        .map(|(host, new)| (host.as_str(), "", new.as_str()))
        .collect();
    let found = compare(&hosts);
    assert_eq!(found.len(), 500);
    let shown = text(&found, SOME);
    assert_eq!(shown.matches("+++ desired/").count(), 20);
    assert!(
        shown.ends_with(
            "\n… 480 more diffs on 480 hosts: --all shows them, --host and --service fewer\n"
        ),
        "{shown}"
    );
    assert_eq!(text(&found, ALL).matches("+++ desired/").count(), 500);
    for room in [0, 500, 5_000, 20_000] {
        let shown = markdown(&found, room, str::to_owned);
        assert!(shown.len() <= room.max(REST), "{room}: {}", shown.len());
        assert!(shown.contains("left out for want of room"), "{shown}");
    }

    let long: String = (0..1_000).map(|n| format!("{n}\n")).collect();
    let found = compare(&[("a", "", &long)]);
    assert!(text(&found, SOME).ends_with("\n+196\n… 803 more lines: --all shows them\n"));
    assert!(text(&found, ALL).ends_with("\n+999\n"));
    let shown = markdown(&found, 60_000, str::to_owned);
    assert!(shown.contains("_… 903 lines left out._"), "{shown}");
}

/// A change of every host of a large fleet: alike, by name, and each in its own way.
#[test]
fn ten_thousand_hosts_stay_readable() {
    use crate::reporter::plan::tests::{change, policy, sample};
    use crate::reporter::plan::{self, Desired, Shown};

    let line = |kind: &str, n: usize| match kind {
        "its name" => format!("host-{n}\n"),
        "its own" => format!("shard {}\n", n * 7),
        _ => "after\n".to_owned(),
    };
    for kind in ["the same", "its name", "its own"] {
        let mut found = Differences::default();
        let mut plan = sample();
        plan.held.clear();
        plan.changes.clear();
        for n in 0..10_000 {
            let host = format!("host-{n}");
            let before = bundle([("deploy.sh", "before\n".to_owned())]);
            let after = bundle([("deploy.sh", line(kind, n))]);
            add(&mut found, &host, Some(&before), &after);
            plan.changes
                .push(change(&host, "web", Some("1.0.0"), "1.1.0", 1));
        }
        let (diffs, policy) = (found.finish(), policy());
        assert_eq!(diffs.len(), if kind == "its own" { 10_000 } else { 1 });
        let shown = Shown {
            diffs: Some(&diffs),
            ..Shown::new(&plan, &policy)
        };
        let options = plan::Options {
            all: false,
            palette: Palette::PLAIN,
            width: 80,
            now: crate::model::time::Timestamp::from_unix(1_000_000),
        };
        let text = plan::text(&shown, &Desired::WorkTree, options);
        assert!(text.lines().count() < 200, "{kind}: {text}");
        let comment = plan::markdown(&[shown], &Desired::WorkTree, false);
        assert!(comment.len() < 60_000, "{kind}: {}", comment.len());
        assert!(comment.ends_with("\nNothing was sent.\n"));
        let is_cut = comment.contains("left out for want of room");
        assert_eq!(is_cut, kind == "its own", "{comment}");
    }
}

/// Bytes that a comment needs to say what it lacks.
const REST: usize = 160;

#[test]
fn a_fence_is_longer_than_what_it_holds() {
    let found = compare(&[("a", "", "````\n```\n</details>\n")]);
    let shown = markdown(&found, 60_000, str::to_owned);
    assert!(shown.contains("\n`````diff\n"), "{shown}");
    assert!(shown.contains("\n`````\n\n</details>\n"), "{shown}");
}
