//! Hostile values through a real bash.

use std::process::Command;

use proptest::prelude::*;

use super::super::Templates;
use super::{assignment, bundle, compiled, list, text, tree};
use crate::model::desired::Value;

/// Prints a text and a list, each item followed by NUL, in a head that looks like a real one.
const SCRIPT: &str = "#!/bin/bash\n# It's a \"comment\" with `quotes` $(\nset -euo pipefail\n\n\
    one={{variables.one}}\nall={{list variables.all}}\n\
    {{#if (eq variables.one \"x\")}}\nsame={{variables.one}}\n{{else}}\nsame={{variables.one}}\n{{/if}}\n\
    [[ $same == \"$one\" ]]\nprintf '%s\\0' \"$one\" ${all[@]+\"${all[@]}\"}\n";

fn run(script: &[u8]) -> std::process::Output {
    Command::new("bash")
        .args(["--noprofile", "--norc", "-c"])
        .arg(std::str::from_utf8(script).expect("it is text"))
        .env_clear()
        .stdin(std::process::Stdio::null())
        .output()
        .expect("bash runs")
}

fn printed(one: &str, all: &[String]) -> (bool, Vec<u8>, String) {
    let values = [("one", text(one)), ("all", Value::List(all.to_vec()))];
    let bundle = bundle(&compiled(&tree(SCRIPT)), &assignment(&values)).expect("it renders");
    let output = run(&bundle.files["deploy.sh"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), output.stdout, errors)
}

fn expected(one: &str, all: &[String]) -> Vec<u8> {
    let items = std::iter::once(one).chain(all.iter().map(String::as_str));
    items
        .flat_map(|item| [item.as_bytes(), b"\0"].concat())
        .collect()
}

#[test]
fn known_tricks_arrive_byte_for_byte() {
    let tricks = [
        "",
        " ",
        "'",
        "''",
        "'\\''",
        "\\",
        "\\'",
        "\"",
        "\\\"",
        "$(touch /tmp/x)",
        "`id`",
        "${HOME}",
        "$HOME",
        "'; exit 9; '",
        "a\nb",
        "\n",
        "a\\\nb",
        "\t",
        "#",
        "!",
        "!!",
        "~",
        "*",
        "[0]=x",
        "-n",
        "--",
        "%s",
        "%n%x",
        "{{version}}",
        "{{{x}}}",
        "{{ version }}",
        "}}",
        "\u{2018}\u{2019}\u{201a}\u{201b}\u{201c}\u{201d}",
        "\u{ff07}",
        "$'\\x41'",
        "a;b|c&d>e<f",
        "(",
        ")",
        "EOF\n",
        "\u{1f600}",
        "\u{202e}",
        "é\u{301}",
        "\u{feff}",
        "\u{2028}",
        "a=b",
        "1 == 1",
        "ssm {{ssm:x}}",
    ];
    let all: Vec<String> = tricks.iter().map(|trick| (*trick).to_owned()).collect();
    for trick in tricks {
        let (success, stdout, errors) = printed(trick, &all);
        assert!(success, "{trick:?}: {errors}");
        assert_eq!(stdout, expected(trick, &all), "{trick:?}");
        assert_eq!(errors, "", "{trick:?}");
    }
}

/// Text of what means something to bash, to Handlebars, to SSM or to people's eyes.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -~]{0,6}",
        "['\"`$\\\\(){}\\[\\]%;&|<>!#~*?=\n\t]{1,6}",
        Just("$(exit 7)".to_owned()),
        Just("`exit 7`".to_owned()),
        Just("'; exit 7; '".to_owned()),
        Just("\n'\nexit 7\n".to_owned()),
        Just("{{version}}".to_owned()),
        Just("{{/if}}".to_owned()),
        "[\u{2018}\u{2019}\u{201a}\u{201b}\u{201c}\u{201d}\u{ff07}\u{b4}]{1,3}",
        "\\PC{0,4}",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_reach_a_script_byte_for_byte(
        one in hostile(),
        all in prop::collection::vec(hostile(), 0..5),
    ) {
        let (success, stdout, errors) = printed(&one, &all);
        prop_assert!(success, "{}", errors);
        prop_assert_eq!(stdout, expected(&one, &all));
        prop_assert_eq!(errors, "");
    }
}

#[test]
fn an_empty_list_is_an_empty_array() {
    let source = "all={{list variables.all}}\necho \"${#all[@]}\"\n";
    let values = [("all", list(&[]))];
    let bundle = bundle(&compiled(&tree(source)), &assignment(&values)).expect("it renders");
    let output = run(&bundle.files["deploy.sh"]);
    assert_eq!(output.stdout, b"0\n");
}

/// Lines that could change how bash reads the lines after them, most of them harmless.
fn line() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "'",
        "\"",
        "\\",
        "`",
        "$(",
        ")",
        "(",
        "{",
        "}",
        "<<E",
        "<<'E'",
        "<<-E",
        "E",
        "#",
        "a",
        "a=",
        "=",
        " ",
        "\t",
        ";",
        "&&",
        "|",
        "[[",
        "]]",
        "if",
        "then",
        "fi",
        "case",
        "in",
        "esac",
        "set",
        "-e",
        "-H",
        "-o",
        "history",
        "shopt",
        "-s",
        "extglob",
        "expand_aliases",
        "$'",
        "${",
        "\\{{",
        "{{! c }}",
        "{{!\n}}",
        "{{#if (eq version \"1.2.3\")}}",
        "{{else}}",
        "{{/if}}",
        "x={{variables.x}}",
        "\u{a0}",
        "\u{2028}",
    ]);
    prop_oneof![
        2 => prop::sample::select(vec!["set -euo pipefail", "# It's", "", "shopt -s nullglob # a 'b", "  # \""])
            .prop_map(str::to_owned),
        1 => prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    /// Whatever stands around a binding: if the template is accepted, its value does not run.
    #[test]
    fn no_accepted_template_runs_a_value(
        before in prop::collection::vec(line(), 1..5),
        after in prop::collection::vec(line(), 0..3),
    ) {
        let source = format!("{}\nx={{{{variables.x}}}}\n{}\n", before.join("\n"), after.join("\n"));
        let (templates, problems) = Templates::compile(&tree(&source));
        prop_assume!(problems.is_empty());
        for payload in ["printf R%s AN", "'\nprintf R%s AN\n'", "\"\nprintf R%s AN\n\"", "\nE\nprintf R%s AN\n", "\n)`printf R%s AN`$(printf R%s AN)\n", "*) printf R%s AN;; esac"] {
            let bundle = bundle(&templates, &assignment(&[("x", text(payload))])).expect("it renders");
            let stdout = run(&bundle.files["deploy.sh"]).stdout;
            prop_assert!(!stdout.windows(3).any(|bytes| bytes == b"RAN"), "{source:?} with {payload:?}");
        }
    }
}
