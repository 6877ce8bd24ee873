//! Input is untrusted: no template makes the compiler fail, and every place it names exists.

use proptest::prelude::*;

use super::super::Templates;
use super::tree;

fn soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "{{",
            "}}",
            "{{{",
            "}}}",
            "{{{{",
            "}}}}",
            "{{~",
            "~}}",
            "{{!",
            "{{!--",
            "--}}",
            "{{#if ",
            "{{/if}}",
            "{{else}}",
            "{{else if ",
            "{{#unless ",
            "{{/unless}}",
            "{{> ",
            "{{&",
            "{{^",
            "{{*",
            "{{#>",
            "{{#*",
            "{{/",
            "(eq ",
            ")",
            "\"",
            "'",
            "\\",
            "\\{{",
            "version",
            "variables.x",
            "host.",
            "shared",
            "list ",
            "json ",
            "x=",
            "\n",
            " ",
            "\t",
            "# ",
            "set -e",
            "[",
            "]",
            ".",
            "..",
            "@",
            "=",
            "|",
            "é",
            "’",
            "$x = ",
            "param(",
            "{{secret ",
            "\u{1f600}",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,3}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_compiles_or_is_refused_in_place(source in soup()) {
        let tree = tree(&source)
            .with("templates/app/files/a.hbs", &source)
            .with("templates/app/deploy.ps1.hbs", &source)
            .with("templates/partials/b.sh", &source);
        let (_, diagnostics) = Templates::compile(&tree);
        for problem in diagnostics {
            let place = source.get(problem.span.clone());
            prop_assert!(place.is_some(), "{problem:?} in {source:?}");
            if let Some((related, _)) = problem.related {
                prop_assert!(source.get(related.clone()).is_some(), "{related:?} in {source:?}");
            }
        }
    }
}

/// Each of these would take minutes if a step of the compiler looked at a whole line per tag.
#[test]
fn long_lines_and_deep_blocks_are_cheap() {
    let size = 250 * 1024;
    for piece in [
        "{{!}}a",
        "\\{{",
        "{{#if (eq version 'a')}}",
        "{{/if}}",
        "x={{version}}",
        "{{> shared}}",
        "{{\"",
        "\n",
        "{{else}}",
        "’",
        "$x = {{version}}",
    ] {
        let source = piece.repeat(size / piece.len());
        let tree = tree(&source)
            .with("templates/app/files/a.hbs", &source)
            .with("templates/app/deploy.ps1.hbs", &source);
        let (_, diagnostics) = Templates::compile(&tree);
        assert!(diagnostics.len() <= 3 * size, "{piece}");
    }
}
