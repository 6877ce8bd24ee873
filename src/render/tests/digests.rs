//! What the digests cover, and that the same input gives the same bytes for ever.

use std::fmt::Write as _;
use std::sync::Arc;

use super::{assignment, bundle, compiled, host, list, text, tree, variables};
use crate::model::bundle::Digests;
use crate::model::desired::Assignment;
use crate::model::source::Tree;

fn template() -> Tree {
    tree("x={{variables.x}}\n{{> shared}}\n")
        .with("templates/app/observe.sh.hbs", "n={{host.name}}\n")
        .with("templates/app/rollback.sh.hbs", ":\n")
        .with("templates/app/files/a.conf.hbs", "{{json variables.all}}\n")
        .with("templates/app/files/b.bin", b"\x00\xff")
}

fn values(x: &str) -> Assignment {
    assignment(&[("x", text(x)), ("all", list(&["a", "b"]))])
}

fn digests(tree: &Tree, assignment: &Assignment) -> Digests {
    bundle(&compiled(tree), assignment)
        .expect("it renders")
        .digests
}

/// Which of them differ.
fn changed(a: &Digests, b: &Digests) -> Vec<&'static str> {
    [
        ("digest", a.digest != b.digest),
        ("scripts", a.scripts != b.scripts),
        ("template", a.template != b.template),
        ("definition", a.definition != b.definition),
        ("host_definition", a.host_definition != b.host_definition),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

#[test]
fn each_digest_covers_its_own() {
    let base = digests(&template(), &values("1"));
    let against = |tree: &Tree, assignment: &Assignment| changed(&base, &digests(tree, assignment));
    let sources = ["template", "definition", "host_definition"];
    let all = [
        "digest",
        "scripts",
        "template",
        "definition",
        "host_definition",
    ];

    assert_eq!(against(&template(), &values("1")), [""; 0]);
    assert_eq!(
        against(&template(), &values("2")),
        ["digest", "scripts", "definition", "host_definition"]
    );
    let mut version = values("1");
    version.version = "1.2.4".into();
    assert_eq!(against(&template(), &version), ["digest"]);
    let redeploy = |text: &str| Assignment {
        redeploy: Some(text.to_owned()),
        ..values("1")
    };
    let again = ["digest", "definition", "host_definition"];
    assert_eq!(against(&template(), &redeploy("Friday")), again);
    let friday = digests(&template(), &redeploy("Friday"));
    let monday = digests(&template(), &redeploy("Monday"));
    assert_eq!(changed(&friday, &monday), again);

    let deploy = template().with("templates/app/deploy.sh.hbs", "x={{variables.x}}\n:\n");
    assert_eq!(against(&deploy, &values("1")), all);
    let partial = template().with("templates/partials/shared.sh", "shared() { :; }\n");
    assert_eq!(against(&partial, &values("1")), all);
    let unused = template().with("templates/partials/unused.sh", ":\n");
    assert_eq!(against(&unused, &values("1")), [""; 0]);
    let other = template().with("templates/other/deploy.sh.hbs", ":\n");
    assert_eq!(against(&other, &values("1")), [""; 0]);
    let observe = template().with("templates/app/observe.sh.hbs", "n={{host.name}}\n:\n");
    assert_eq!(
        against(&observe, &values("1")),
        [&["scripts"], sources.as_slice()].concat()
    );
    let file = template().with("templates/app/files/b.bin", b"\x00");
    assert_eq!(
        against(&file, &values("1")),
        [&["digest"], sources.as_slice()].concat()
    );
    let comment = template().with("templates/app/rollback.sh.hbs", "{{! new }}\n:\n");
    assert_eq!(against(&comment, &values("1")), sources);
}

#[test]
fn a_block_of_all_hosts_ignores_what_one_host_sets() {
    let shared = values("1");
    let mut own = shared.clone();
    own.variables = variables(&[("x", text("9")), ("all", list(&["a", "b"]))]);
    let (a, b) = (digests(&template(), &shared), digests(&template(), &own));
    assert_eq!(changed(&a, &b), ["digest", "scripts", "host_definition"]);
}

#[test]
fn names_and_contents_do_not_run_into_one_another() {
    let with = |files: &[(&str, &str)]| {
        let tree = files.iter().fold(tree(":\n"), |tree, (name, text)| {
            tree.with(&format!("templates/app/files/{name}"), text)
        });
        digests(&tree, &assignment(&[])).digest
    };
    assert_ne!(with(&[("a", "bc")]), with(&[("ab", "c")]));
    assert_ne!(
        with(&[("a", ""), ("b", "x")]),
        with(&[("a", "x"), ("b", "")])
    );
    let variables = |values: &[(&str, crate::model::desired::Value)]| {
        digests(&tree(":\n"), &assignment(values)).definition
    };
    assert_ne!(
        variables(&[("a", list(&["b", "c"]))]),
        variables(&[("a", list(&["bc"]))])
    );
    assert_ne!(
        variables(&[("a", text("b"))]),
        variables(&[("a", list(&["b"]))])
    );
    assert_ne!(
        variables(&[("a", list(&["b"])), ("c", list(&[]))]),
        variables(&[("a", list(&["b", "c"]))])
    );
}

#[test]
fn remembered_hashes_are_those_of_the_bytes() {
    let templates = compiled(&template());
    let (environment, service) = ("lab".into(), "app".into());
    for round in 0..3 {
        for name in ["web-1", "web-2"] {
            for x in ["1", "2", "'"] {
                let (host, values) = (host(name), values(x));
                let fresh = compiled(&template())
                    .bundle(&environment, &host, &service, &values)
                    .expect("it renders");
                let again = templates
                    .digests(&environment, &host, &service, &values)
                    .expect("it renders");
                assert_eq!(again, fresh.digests, "{round} {name} {x}");
            }
        }
    }
}

/// Another text here means that the digests of every fleet change: raise `RENDERER`.
#[test]
fn golden_rendering() {
    let bundle = bundle(&compiled(&template()), &values("it's\n2")).expect("it renders");
    let mut shown = String::new();
    for (name, bytes) in &bundle.files {
        let _infallible = writeln!(
            shown,
            "--- {name}\n{}",
            bytes.escape_ascii().to_string().replace("\\n", "\n")
        );
    }
    let Digests {
        digest,
        scripts,
        template,
        definition,
        host_definition,
        redeploy: _,
    } = &bundle.digests;
    let _infallible = writeln!(
        shown,
        "digest {digest}\nscripts {scripts}\ntemplate {template}\ndefinition {definition}\nhost_definition {host_definition}"
    );
    insta::assert_snapshot!(shown);
    assert_eq!(Arc::strong_count(&bundle.files["deploy.sh"]), 1);
}
