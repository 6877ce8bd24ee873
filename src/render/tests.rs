//! The template language by examples, the root's own example, and hostile values through real bash.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

use proptest::prelude::*;

use super::Templates;
use crate::model::bundle::Bundle;
use crate::model::desired::{Assignment, Host, Platform, Value, Variables};
use crate::model::diagnostic::line_column;
use crate::model::id::{EnvironmentName, ServiceName};
use crate::model::source::Tree;
use crate::model::time::Seconds;

fn host() -> Host {
    Host {
        name: "web-1".into(),
        instance: "i-0123456789abcdef0".into(),
        platform: Platform::Linux,
        labels: BTreeMap::from([("role".to_owned(), "web".to_owned())]),
        hold: None,
        services: BTreeMap::new(),
    }
}

fn assignment(variables: &[(&str, Value)]) -> Assignment {
    let variables: Variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let variables = Arc::new(variables);
    Assignment {
        version: "1.2.3".into(),
        pinned: false,
        hold: None,
        template: "app".into(),
        timeout: Seconds(60),
        variables: Arc::clone(&variables),
        shared_variables: variables,
    }
}

fn scalar(text: &str) -> Value {
    Value::Scalar(text.to_owned())
}

fn tree(deploy: &str) -> Tree {
    Tree::default()
        .with("templates/app/deploy.sh.hbs", deploy)
        .with(
            "templates/partials/shared.sh",
            "shared() { echo shared; }\n",
        )
}

fn bundle(tree: &Tree, assignment: &Assignment) -> Result<Bundle, String> {
    let (templates, diagnostics) = Templates::compile(tree);
    if let Some(first) = diagnostics.first() {
        return Err(format!("{} {}", first.code, first.message));
    }
    let (environment, service) = (EnvironmentName::new("lab"), ServiceName::new("app"));
    templates
        .bundle(&environment, &host(), &service, assignment)
        .map_err(|problem| format!("{} {}", problem.code, problem.message))
}

fn deploy(source: &str, variables: &[(&str, Value)]) -> Result<String, String> {
    let bundle = bundle(&tree(source), &assignment(variables))?;
    Ok(String::from_utf8_lossy(&bundle.files["deploy.sh"]).into_owned())
}

#[test]
fn bindings_lists_conditions_and_partials_render() {
    let source = "set -u\nname={{host.name}}\nports={{list variables.ports}}\n\
                  {{#if (eq host.labels.role \"web\")}}\nkind=web\n{{else}}\nkind=other\n{{/if}}\n\
                  {{> shared}}\n{{#unless variables.quiet}}\necho \"$name\"\n{{/unless}}\n";
    let ports = Value::List(vec!["80".to_owned(), "it's".to_owned()]);
    assert_eq!(
        deploy(source, &[("ports", ports), ("quiet", scalar("false"))]),
        Ok("set -u\nname='web-1'\nports=('80' 'it'\\''s')\nkind=web\nshared() { echo shared; }\necho \"$name\"\n".to_owned())
    );
}

#[test]
fn what_could_become_code_is_refused() {
    let cases = [
        ("echo {{version}}\n", "F305"),
        ("x={{version}} y\n", "F305"),
        ("x=\"{{version}}\"\n", "F305"),
        ("echo hi\nx={{version}}\n", "F305"),
        ("cat <<E\nx={{version}}\nE\n", "F305"),
        ("# \\\nx=1 \\\ny={{version}}\n", "F305"),
        (
            "{{#if (eq version \"9\")}}\necho {{version}}\n{{/if}}\n",
            "F305",
        ),
        (
            "{{#if (eq version \"1.2.3\")}}\necho\n{{else}}\necho {{version}}\n{{/if}}\n",
            "F305",
        ),
        ("x={{{version}}}\n", "F306"),
        ("x={{&version}}\n", "F306"),
        ("x={{~version}}\n", "F307"),
        ("{{#each variables.a}}x{{/each}}\n", "F308"),
        ("x={{lookup host \"name\"}}\n", "F308"),
        ("{{#*inline \"a\"}}{{/inline}}\n", "F308"),
        ("x={{../version}}\n", "F309"),
        ("x={{@root.version}}\n", "F309"),
        ("x={{\"text\"}}\n", "F310"),
        ("x={{vesion}}\n", "F311"),
        ("PS4={{version}}\n", "F316"),
        ("BASH_ENV={{version}}\n", "F316"),
        ("{{> other}}\n", "F317"),
        ("  {{> shared}}\n", "F319"),
        ("{{#if (eq version \"9\")}}\n", "F304"),
        ("x={{secret \"a\"}}\n", "F302"),
        ("x={{artifact.url}}\n", "F302"),
    ];
    for (source, code) in cases {
        let (_, found) = Templates::compile(&tree(source));
        let codes: Vec<&str> = found.iter().map(|d| d.code).collect();
        assert!(
            codes.contains(&code),
            "{source:?} gives {found:?} and not {code}"
        );
        for problem in &found {
            assert!(problem.span.end <= source.len(), "{source:?}: {problem:?}");
            assert!(line_column(source, problem.span.start).0 >= 1);
        }
    }
}

#[test]
fn every_path_in_every_branch_must_have_a_value() {
    let source = "{{#if (eq version \"9\")}}\nx={{variables.never}}\n{{/if}}\n:\n";
    assert!(deploy(source, &[]).is_err_and(|e| e.starts_with("F312")));
    let list = || Value::List(vec!["a".to_owned()]);
    assert!(deploy("x={{variables.a}}\n", &[("a", list())]).is_err_and(|e| e.starts_with("F313")));
    assert!(
        deploy("x={{list variables.a}}\n", &[("a", scalar("a"))])
            .is_err_and(|e| e.starts_with("F313"))
    );
    let question = "{{#if variables.a}}\n:\n{{/if}}\n";
    assert!(deploy(question, &[("a", scalar("yes"))]).is_err_and(|e| e.starts_with("F314")));
    assert!(
        deploy("x={{variables.a}}\n", &[("a", scalar("a\0b"))])
            .is_err_and(|e| e.starts_with("F315"))
    );
}

#[test]
fn partials_and_other_files_keep_their_rules() {
    let cases = [
        ("templates/partials/bad.sh", "x={{version}}\n", "F318"),
        ("templates/app/deplo.sh.hbs", ":\n", "F301"),
        ("templates/app/notes.txt", "x", "F301"),
        ("templates/app/deploy.ps1.hbs", "x", "F302"),
        ("templates/app/remove.sh.hbs", ":\n", "F302"),
        ("templates/app/verify.sh.hbs", ":\r\n", "F303"),
        ("templates/app/files/a b", "x", "F323"),
        ("templates/other/verify.sh.hbs", ":\n", "F320"),
    ];
    for (path, text, code) in cases {
        let (_, found) = Templates::compile(&tree(":\n").with(path, text));
        assert!(
            found.iter().any(|d| d.code == code),
            "{path} gives {found:?} and not {code}"
        );
    }
}

#[test]
fn data_files_take_values_as_they_are_and_as_json() {
    let tree = tree(":\n")
        .with(
            "templates/app/files/a.conf.hbs",
            "v={{version}} {{json variables.list}} {{json host.name}}\n",
        )
        .with("templates/app/files/raw", b"\x00{{version}}\xff");
    let list = Value::List(vec!["a\"b".to_owned()]);
    let bundle = bundle(&tree, &assignment(&[("list", list)])).expect("a bundle");
    assert_eq!(
        &*bundle.files["files/a.conf"],
        b"v=1.2.3 [\"a\\\"b\"] \"web-1\"\n"
    );
    assert_eq!(&*bundle.files["files/raw"], b"\x00{{version}}\xff");
}

#[test]
fn digests_tell_what_changed() {
    let observe = |text| tree("x={{variables.a}}\n").with("templates/app/observe.sh.hbs", text);
    let one = |tree: &Tree, a| {
        bundle(tree, &assignment(&[("a", scalar(a))]))
            .expect("a bundle")
            .digests
    };
    let first = one(&observe(":\n"), "1");
    assert_eq!(first, one(&observe(":\n"), "1"));
    let variable = one(&observe(":\n"), "2");
    assert_ne!(first.digest, variable.digest);
    assert_eq!(first.template, variable.template);
    assert_ne!(first.definition, variable.definition);
    let phase = one(&observe("echo\n"), "1");
    assert_eq!(first.digest, phase.digest);
    assert_ne!(first.scripts, phase.scripts);
    assert_ne!(first.template, phase.template);
    // Golden: another value here means that every fleet's digests change (raise `RENDERER`).
    assert_eq!(
        first.digest.as_str(),
        "sha256:e6b63d91c29d13ab57e1be5c9e8b29113cf5996891c179497b58d4ffc92a1be8"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Quotes of every kind, substitutions, braces and line ends reach the script byte for byte.
    #[test]
    fn values_never_become_code(
        texts in prop::collection::vec("[ -~\t\n'\"`$\\\\{}%;‘’‚‛“”é\u{1F600}]{0,24}|\\$\\(touch x\\)|'; exit 9; '|\\{\\{version\\}\\}", 1..5)
    ) {
        let source = "one={{variables.one}}\nall={{list variables.all}}\nprintf '%s\\0' \"$one\" \"${all[@]}\"\n";
        let script = deploy(source, &[("one", scalar(&texts[0])), ("all", Value::List(texts.clone()))])
            .map_err(TestCaseError::fail)?;
        let output = Command::new("bash").args(["-c", &script]).env_clear().output().expect("bash runs");
        let mut expected = Vec::new();
        for text in std::iter::once(&texts[0]).chain(&texts) {
            expected.extend_from_slice(text.as_bytes());
            expected.push(0);
        }
        prop_assert!(output.status.success());
        prop_assert_eq!(output.stdout, expected);
    }
}
