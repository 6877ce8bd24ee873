//! What is checked and rendered before this version can act on it.

use super::super::Templates;
use super::{assignment, bundle, bundle_for, compiled, deploy, environment, list, text, tree};
use crate::model::desired::{Assignment, Platform};
use crate::model::source::Tree;

const BY_NAME: &str = "password={{secret \"/web/password\"}}\n";
const BY_VARIABLE: &str = "password={{secret variables.password}}\n";

fn named(name: &str) -> Assignment {
    assignment(&[("password", text(name))])
}

#[test]
fn a_secret_is_code_that_reads_it_on_the_host() {
    let read = "password=$(fleet_secret '/web/password')\n";
    assert_eq!(deploy(BY_NAME, &[]), read);
    assert_eq!(
        deploy(BY_VARIABLE, &[("password", text("/web/password"))]),
        read
    );
    let windows = Tree::default().with(
        "templates/app/deploy.ps1.hbs",
        "$password = {{secret \"/web/password:3\"}}\n",
    );
    let bundle = bundle_for(&compiled(&windows), Platform::Windows, &assignment(&[]));
    assert_eq!(
        &*bundle.expect("it renders").files["deploy.ps1"],
        b"$password = Get-FleetSecret '/web/password:3'\n"
    );
}

#[test]
fn the_digest_covers_the_name_of_a_secret() {
    let templates = compiled(&tree(BY_VARIABLE));
    let digest = |name| {
        let bundle = bundle(&templates, &named(name)).expect("it renders");
        bundle.digests.digest
    };
    assert_eq!(digest("/a"), digest("/a"));
    assert_ne!(digest("/a"), digest("/b"));
}

#[test]
fn the_name_in_a_variable_is_checked_for_each_host() {
    let templates = compiled(&tree(BY_VARIABLE));
    let lab = environment(&[
        ("a", named("/web/password")),
        ("b", named("it's")),
        ("c", assignment(&[("password", list(&["/x"]))])),
        ("d", assignment(&[])),
    ]);
    let found: Vec<String> = templates
        .check_environment(&lab)
        .iter()
        .map(|problem| format!("{} {}", problem.code, problem.message))
        .collect();
    assert_eq!(
        found,
        [
            "F312 `variables.password` is not defined for app on d in lab",
            "F313 `variables.password` is a list for app on c in lab",
            "F325 `variables.password` is no name of a parameter for app on b in lab",
        ]
    );
}

#[test]
fn a_secret_closes_the_gate_of_those_who_use_its_template() {
    let keys = |templates: &Templates, hosts: &[(&str, Assignment)]| -> Vec<String> {
        let found = templates.unsupported(&environment(hosts));
        found.into_iter().map(|it| it.key).collect()
    };
    let hosts = [("a", assignment(&[])), ("b", assignment(&[]))];
    let with = compiled(&tree(
        "{{#if (eq version \"9\")}}\nx={{secret \"/x\"}}\n{{/if}}\n",
    ));
    assert_eq!(
        keys(&with, &hosts),
        ["secret in templates/app/deploy.sh.hbs"]
    );
    assert_eq!(keys(&with, &[]), [""; 0]);
    assert_eq!(keys(&compiled(&tree(":\n")), &hosts), [""; 0]);
}

#[test]
fn the_address_of_the_artifact_is_that_of_the_manifest() {
    let source = "url={{artifact.url}}\n";
    let with = Assignment {
        artifact: Some("s3://acme/web-1.2.3.zip".to_owned()),
        ..assignment(&[])
    };
    let bundle = bundle(&compiled(&tree(source)), &with).expect("it renders");
    assert_eq!(
        &*bundle.files["deploy.sh"],
        b"url='s3://acme/web-1.2.3.zip'\n"
    );
    let lab = environment(&[("a", with), ("b", assignment(&[]))]);
    let found = compiled(&tree(source)).check_environment(&lab);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (
            found[0].code,
            found[0].message.as_str(),
            found[0].help.as_deref()
        ),
        (
            "F312",
            "`artifact.url` is not defined for app on b in lab",
            Some("give app an `artifact` in fleet.yaml, for this platform")
        )
    );
}

#[test]
fn the_phase_that_removes_is_part_of_the_digest() {
    let without = tree(":\n");
    let with = without
        .clone()
        .with("templates/app/remove.sh.hbs", "rm x\n");
    let digest = |tree: &Tree| {
        let bundle = bundle(&compiled(tree), &assignment(&[])).expect("it renders");
        bundle.digests.digest
    };
    assert_ne!(digest(&without), digest(&with));
}
