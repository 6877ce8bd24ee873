//! Scripts for Windows hosts, judged by a decoder of PowerShell's literals.

mod decoder;
mod heads;

use std::sync::Arc;

use proptest::prelude::*;

use super::super::Templates;
use super::{assignment, bundle_for, compiled, list, text};
use crate::model::desired::{Platform, Value};
use crate::model::diagnostic::Severity;
use crate::model::source::Tree;
use decoder::Bound;

const DEPLOY: &str = "templates/app/deploy.ps1.hbs";

fn tree(deploy: &str) -> Tree {
    Tree::default().with(DEPLOY, deploy).with(
        "templates/partials/shared.ps1",
        "function Get-Shared { 'shared' }\n",
    )
}

/// The rendered deploy script.
fn deploy(source: &str, values: &[(&str, Value)]) -> String {
    let bundle = bundle_for(
        &compiled(&tree(source)),
        Platform::Windows,
        &assignment(values),
    );
    let bytes = Arc::clone(&bundle.expect("it renders").files["deploy.ps1"]);
    String::from_utf8(bytes.to_vec()).expect("it is text")
}

/// A head with everything that may stand in one.
const HEAD: &str = "\
#Requires -Version 5.1
# It's a \"comment\" with $( and @'
$ErrorActionPreference = 'Stop'   # why
$global:ProgressPreference=\"SilentlyContinue\"
Set-StrictMode -Version 2.0

$name = {{host.name}}
  $platform={{ host.platform }}
$motto = {{variables.motto}}
{{#if (eq version \"1.2.3\")}}
$ports = {{list variables.ports}}
{{else}}
$ports = {{list variables.none}}
{{/if}}
$none = {{list variables.none}}

{{> shared}}
if ($name) {
    Write-Output \"{{#if (eq version \"1.2.3\")}}new{{else}}old{{/if}} $name\"
}
";

#[test]
fn a_script_for_windows() {
    let values = [
        ("motto", text("it's ‘here’\n$(there)")),
        ("ports", list(&["80", "a b", ""])),
        ("none", list(&[])),
    ];
    insta::assert_snapshot!(deploy(HEAD, &values));
}

#[test]
fn an_array_of_one_stays_an_array() {
    let script = deploy("$all = {{list variables.all}}\n", &[("all", list(&["x"]))]);
    assert_eq!(script, "$all = @('x')\n");
}

fn bound(one: &str, all: &[String]) -> Vec<(String, Bound)> {
    let source = "# It's\n$one = {{variables.one}}\n$all = {{list variables.all}}\n$last={{variables.one}}\nWrite-Output $one # '\n";
    let values = [("one", text(one)), ("all", Value::List(all.to_vec()))];
    let script = deploy(source, &values);
    let (bound, rest) = decoder::head(&script);
    assert_eq!(rest, "Write-Output $one # '\n");
    bound
}

fn expected(one: &str, all: &[String]) -> Vec<(String, Bound)> {
    let text = || Bound::Text(one.to_owned());
    vec![
        ("one".to_owned(), text()),
        ("all".to_owned(), Bound::Array(all.to_vec())),
        ("last".to_owned(), text()),
    ]
}

#[test]
fn known_tricks_arrive_byte_for_byte() {
    let tricks = [
        "",
        " ",
        "'",
        "''",
        "\"",
        "`",
        "`n",
        "$(Stop-Computer)",
        "${env:PATH}",
        "$env:PATH",
        "'; Stop-Computer; '",
        "‘",
        "’; Stop-Computer; ‘",
        "‘’",
        "’’’",
        "‚‛",
        "“”„",
        "a\nb",
        "\n",
        "\n'@\n",
        "@'\n",
        "a`\nb",
        "\t",
        "#",
        "<#",
        "#>",
        "--%",
        "-Force",
        "–Force",
        "%COMSPEC%",
        "a&calc",
        "{{version}}",
        "{{{x}}}",
        "}}",
        "\u{a0}",
        "\u{ff07}",
        "\u{2028}",
        "\u{feff}",
        "\u{1f600}",
        "é\u{301}",
        // Their UTF-8 has bytes that are quotes in the code page 1252.
        "Ò",
        "Ó",
        "\u{202e}",
        ")",
        ",",
        "@(1)",
    ];
    let all: Vec<String> = tricks.iter().map(|trick| (*trick).to_owned()).collect();
    for trick in tricks {
        assert_eq!(bound(trick, &all), expected(trick, &all), "{trick:?}");
    }
}

/// Text of what means something to PowerShell, to Handlebars or to people's eyes.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -~]{0,6}",
        "['\"`$\\\\(){}\\[\\]%;&|<>!#~*?=@,\n\t-]{1,6}",
        "['\u{2018}\u{2019}\u{201a}\u{201b}\u{201c}\u{201d}\u{201e}\u{ff07}\u{b4}]{1,4}",
        "[\u{2013}\u{2014}\u{2015}\u{a0}]{1,3}",
        Just("$(exit 7)".to_owned()),
        Just("'\nexit 7\n'".to_owned()),
        Just("’; exit 7; ‘".to_owned()),
        Just("\n'@\n".to_owned()),
        Just("{{version}}".to_owned()),
        "\\PC{0,4}",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_reach_a_script_byte_for_byte(
        one in hostile(),
        all in prop::collection::vec(hostile(), 0..5),
    ) {
        prop_assert_eq!(bound(&one, &all), expected(&one, &all));
    }
}

/// Lines that could change how PowerShell reads the lines after them, most of them harmless.
fn line() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "'",
        "’",
        "\"",
        "“",
        "`",
        "$(",
        "@(",
        ")",
        "(",
        "{",
        "}",
        "@'",
        "'@",
        "@\"",
        "<#",
        "#>",
        "#",
        "a",
        "$a",
        "$a=",
        "=",
        " ",
        "\t",
        ";",
        ",",
        "|",
        "&",
        "-",
        "if",
        "param(",
        "using namespace a",
        "$ErrorActionPreference",
        "'Stop'",
        "Set-StrictMode",
        "-Version",
        "2.0",
        "-Off",
        "\\{{",
        "{{! c }}",
        "{{!\n}}",
        "{{#if (eq version \"1.2.3\")}}",
        "{{else}}",
        "{{/if}}",
        "$x = {{variables.x}}",
        "\u{a0}",
        "\u{85}",
    ]);
    prop_oneof![
        2 => prop::sample::select(vec![
            "$ErrorActionPreference = 'Stop'",
            "# It's",
            "",
            "Set-StrictMode -Version 3.0 # a 'b",
            "  # \"",
            "#Requires -Modules Foo",
        ])
        .prop_map(str::to_owned),
        1 => prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    /// Whatever stands before a binding: if the template is accepted, a statement begins there.
    #[test]
    fn an_accepted_binding_is_a_statement(before in prop::collection::vec(line(), 1..5)) {
        let source = format!("{}\n$x = {{{{variables.x}}}}\n", before.join("\n"));
        let (templates, problems) = Templates::compile(&tree(&source));
        prop_assume!(problems.iter().all(|problem| problem.severity == Severity::Warning));
        let value = "\u{e000}";
        let bundle = bundle_for(&templates, Platform::Windows, &assignment(&[("x", text(value))]));
        let bytes = Arc::clone(&bundle.expect("it renders").files["deploy.ps1"]);
        let script = String::from_utf8(bytes.to_vec()).expect("it is text");
        for (at, _) in script.match_indices(value) {
            let line = script[..at].rfind('\n').map_or(0, |end| end + 1);
            prop_assert!(decoder::is_between_statements(&script[..line]), "{script:?}");
        }
    }
}
