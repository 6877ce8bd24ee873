//! Templates against the values of hosts.

use std::collections::BTreeMap;

use super::{assignment, bundle, compiled, environment, list, text, tree};
use crate::model::desired::{Environment, Value};
use crate::model::policy::OnFailure;
use crate::model::source::Tree;

/// The problems of an environment as `code «underlined» message; help`.
fn problems(source: &str, environment: &Environment) -> Vec<String> {
    compiled(&tree(source))
        .check_environment(environment)
        .into_iter()
        .map(|problem| {
            let underlined = &source[problem.span.clone()];
            let help = problem.help.unwrap_or_default();
            format!(
                "{} «{underlined}» {}; {help}",
                problem.code, problem.message
            )
        })
        .collect()
}

fn one_host(source: &str, of: &[(&str, Value)]) -> Vec<String> {
    problems(source, &environment(&[("web-1", assignment(of))]))
}

#[test]
fn f312_every_path_of_every_branch_is_defined() {
    let source = "{{#if (eq version \"9\")}}\nx={{variables.ports}}\n{{else}}\ny={{host.labels.rolle}}\n{{/if}}\n";
    assert_eq!(
        one_host(source, &[("port", text("80"))]),
        [
            "F312 «variables.ports» `variables.ports` is not defined for app on web-1 in lab; did you mean `variables.port`?",
            "F312 «host.labels.rolle» `host.labels.rolle` is not defined for app on web-1 in lab; did you mean `host.labels.role`?",
        ]
    );
    assert_eq!(
        one_host("x={{variables.zone}}\n", &[]),
        [
            "F312 «variables.zone» `variables.zone` is not defined for app on web-1 in lab; set `zone` in the variables of the service in fleet.yaml, of the environment or of the host"
        ]
    );
}

#[test]
fn f312_is_told_once_for_all_hosts() {
    let hosts = ["a", "b", "c"].map(|name| (name, assignment(&[])));
    let with = ("d", assignment(&[("x", text("1"))]));
    let [a, b, c] = hosts;
    let found = problems(
        "x={{variables.x}}\n",
        &environment(&[a.clone(), with.clone()]),
    );
    assert!(found[0].contains("for app on a in lab; set"), "{found:?}");
    let found = problems(
        "x={{variables.x}}\n",
        &environment(&[a.clone(), b.clone(), with.clone()]),
    );
    assert!(
        found[0].contains("on a in lab, and on another host; set"),
        "{found:?}"
    );
    let found = problems("x={{variables.x}}\n", &environment(&[a, b, c, with]));
    assert!(
        found.len() == 1 && found[0].contains("on a in lab, and on 2 other hosts; set"),
        "{found:?}"
    );
}

#[test]
fn f313_texts_and_lists_are_not_mixed_up() {
    assert_eq!(
        one_host("x={{variables.x}}\n", &[("x", list(&["a"]))]),
        [
            "F313 «variables.x» `variables.x` is a list for app on web-1 in lab; bind it as `x={{list variables.x}}` and use ${x[@]+\"${x[@]}\"}"
        ]
    );
    assert_eq!(
        one_host("x={{list variables.x}}\n", &[("x", text("a"))]),
        [
            "F313 «variables.x» `variables.x` is one text and no list for app on web-1 in lab; bind it as `x={{variables.x}}`, or write its value as [a list]"
        ]
    );
    for question in ["variables.x", "(eq variables.x \"a\")"] {
        let source = format!("{{{{#if {question}}}}}\n{{{{/if}}}}\n");
        assert!(one_host(&source, &[("x", list(&["a"]))])[0].starts_with("F313 «variables.x»"));
    }
}

#[test]
fn f314_if_takes_true_or_false() {
    let source = "{{#unless variables.x}}\n:\n{{/unless}}\n";
    for value in ["true", "false"] {
        assert_eq!(one_host(source, &[("x", text(value))]), [""; 0]);
    }
    for value in ["yes", "True", "1", "", " true"] {
        assert_eq!(
            one_host(source, &[("x", text(value))]),
            [
                "F314 «variables.x» `variables.x` is neither true nor false for app on web-1 in lab; compare it: (eq variables.x \"text\")"
            ]
        );
    }
}

#[test]
fn f315_control_characters_are_refused() {
    for value in ["a\0", "a\r\n", "\u{1b}[31m", "\u{7f}", "\u{85}"] {
        for value in [text(value), list(&["fine", value])] {
            let form = if matches!(value, Value::List(_)) {
                "list "
            } else {
                ""
            };
            let found = one_host(&format!("x={{{{{form}variables.x}}}}\n"), &[("x", value)]);
            assert!(found[0].starts_with("F315 «variables.x»"), "{found:?}");
        }
    }
    assert_eq!(
        one_host("x={{variables.x}}\n", &[("x", text("a\0"))]),
        [
            "F315 «variables.x» `variables.x` has the control character U+0000 for app on web-1 in lab; take it out: values have no control characters but tab and newline"
        ]
    );
    assert_eq!(
        one_host("x={{variables.x}}\n", &[("x", text("a\t\nb"))]),
        [""; 0]
    );
}

#[test]
fn f321_rolling_back_needs_its_phase() {
    let mut environment = environment(&[("web-1", assignment(&[])), ("web-2", assignment(&[]))]);
    let codes = |tree: &Tree, environment: &Environment| -> Vec<String> {
        let found = compiled(tree).check_environment(environment);
        found
            .into_iter()
            .map(|d| format!("{} {}: {}", d.code, d.file, d.message))
            .collect()
    };
    assert_eq!(codes(&tree(":\n"), &environment), [""; 0]);
    environment.rollout.on_failure = OnFailure::Rollback;
    assert_eq!(
        codes(&tree(":\n"), &environment),
        [
            "F321 templates/app/deploy.sh.hbs: the template `app` of app has no phase `rollback`, but lab says `on_failure: rollback`"
        ]
    );
    let with = tree(":\n").with("templates/app/rollback.sh.hbs", ":\n");
    assert_eq!(codes(&with, &environment), [""; 0]);
}

#[test]
fn what_check_reports_is_what_rendering_refuses() {
    let templates = compiled(&tree("x={{variables.x}}\n"));
    let refused = bundle(&templates, &assignment(&[])).expect_err("it is not defined");
    let checked = templates.check_environment(&environment(&[("web-1", assignment(&[]))]));
    assert_eq!(checked, [*refused]);
}

#[test]
fn a_template_without_a_use_is_no_error() {
    let templates = compiled(&tree("x={{variables.never}}\n"));
    assert_eq!(templates.check_environment(&environment(&[])), []);
    let mut other = assignment(&[]);
    other.template = "gone".into();
    let refused = bundle(&templates, &other).expect_err("there is no such template");
    assert_eq!(refused.code, "F320");
    assert_eq!(
        BTreeMap::from([(refused.file.to_string(), refused.span)]).len(),
        1
    );
}
