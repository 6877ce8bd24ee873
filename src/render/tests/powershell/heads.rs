//! What is refused in a script for Windows hosts, and what the help says.

use super::super::super::Templates;
use super::super::environment;
use super::{DEPLOY, assignment, bundle_for, tree};
use crate::model::desired::Platform;
use crate::model::policy::OnFailure;
use crate::model::source::Tree;

/// The problems of a deploy script as `code «underlined»`.
fn problems(source: &str) -> Vec<String> {
    let (_, diagnostics) = Templates::compile(&tree(source));
    diagnostics
        .iter()
        .map(|problem| format!("{} «{}»", problem.code, &source[problem.span.clone()]))
        .collect()
}

fn help(source: &str) -> String {
    let (_, diagnostics) = Templates::compile(&tree(source));
    let first = diagnostics.into_iter().next().expect("a problem");
    first.help.expect("help")
}

/// Code, file and message of what is wrong with a tree.
fn in_files(tree: &Tree) -> Vec<String> {
    let (_, diagnostics) = Templates::compile(tree);
    diagnostics
        .iter()
        .map(|problem| format!("{} {}: {}", problem.code, problem.file, problem.message))
        .collect()
}

#[test]
fn values_stand_in_the_head_and_alone() {
    let value = "F305 «{{version}}»";
    for source in [
        "Write-Output {{version}}\n",
        "# {{version}}\n",
        "#Requires -Version {{version}}\n",
        "$x = {{version}} + 'y'\n",
        "$x = {{version}};\n",
        "$x = {{version}} # why\n",
        "$x = {{version}}`\n",
        "$x = {{version}} |\n",
        "$x = '{{version}}'\n",
        "$x = \"{{version}}\"\n",
        "$x = @({{version}}\n",
        "$x += {{version}}\n",
        "$x[0] = {{version}}\n",
        "$x.y = {{version}}\n",
        "$1x = {{version}}\n",
        "${x} = {{version}}\n",
        "[int]$x = {{version}}\n",
        "$env:X = {{version}}\n",
        "$script:x = {{version}}\n",
        "$x, $y = {{version}}\n",
        "$x\u{a0}= {{version}}\n",
        "x={{version}}\n",
        "$x == {{version}}\n",
        "{{version}}\n",
        // The head has ended.
        "Write-Output\n$x = {{version}}\n",
        "<# a #>\n$x = {{version}}\n",
        "<#\n$x = {{version}}\n#>\n",
        "@'\n$x = {{version}}\n'@\n",
        "# a `\n$x = {{version}}\n",
        "$y = 1\n$x = {{version}}\n",
        "$y = 'a' |\n$x = {{version}}\n",
        "$ErrorActionPreference = 'Stop' `\n$x = {{version}}\n",
        "$ErrorActionPreference = 'Stop\n$x = {{version}}\n",
        "$ErrorActionPreference = 'Stop'; $y = '\n$x = {{version}}\n",
        "$ErrorActionPreference = 'Stop'#a\n$x = {{version}}\n",
        "$ErrorActionPreference = \"$y\"\n$x = {{version}}\n",
        "$ErrorActionPreference = Get-Y\n$x = {{version}}\n",
        "$y = 'Stop'\n$x = {{version}}\n",
        "$env:XPreference = 'Stop'\n$x = {{version}}\n",
        "Set-StrictMode\n$x = {{version}}\n",
        "Set-StrictMode -Version $y\n$x = {{version}}\n",
        "Set-StrictMode -Version 2.0,\n$x = {{version}}\n",
        "Set-StrictMode -Version 2.0 |\n$x = {{version}}\n",
        "set -e\n$x = {{version}}\n",
        "\u{a0}\n$x = {{version}}\n",
        "{{> shared}}\n$x = {{version}}\n",
        // Branches count, taken or not.
        "{{#if (eq version \"9\")}}\n<#\n{{/if}}\n$x = {{version}}\n",
    ] {
        assert_eq!(problems(source), [value], "{source}");
    }
    // PowerShell would take it; whoever reads it would not see why.
    assert_eq!(
        problems("$ErrorActionPreference = ‘Stop’\n$x = {{version}}\n"),
        ["W332 «‘»", value]
    );
}

#[test]
fn help_shows_the_binding() {
    let below = "in the head of the script, alone on its line and without quotes, and use";
    for (source, expected) in [
        (
            "Set-Location {{variables.install-path}}\n",
            format!(
                "write `$install_path = {{{{variables.install-path}}}}` {below} $install_path below it"
            ),
        ),
        (
            "[string]$Target = \"{{version}}/a\"\n",
            format!("write `$Target = {{{{version}}}}` {below} $Target below it"),
        ),
        (
            "foreach ($x in {{list variables.all}}) {\n",
            format!("write `$all = {{{{list variables.all}}}}` {below} $all below it"),
        ),
        (
            "Write-Output {{host.name}}\n",
            format!("write `$my_host = {{{{host.name}}}}` {below} $my_host below it"),
        ),
        (
            "$x = {{{version}}}\n",
            format!("write `$version = {{{{version}}}}` {below} $version below it"),
        ),
    ] {
        assert_eq!(help(source), expected);
    }
    assert_eq!(
        help("{{#each variables.all}}\n{{/each}}\n"),
        "bind the list in the head as `$name = {{list path}}` and loop in PowerShell: foreach ($x in $name) { … }"
    );
}

#[test]
fn names_that_powershell_keeps_or_fleet_owns() {
    for name in [
        "host",
        "Host",
        "PID",
        "args",
        "input",
        "_",
        "Error",
        "ErrorActionPreference",
        "OutputEncoding",
        "PSDefaultParameterValues",
        "confirmpreference",
        "FLEET_VERSION",
    ] {
        assert_eq!(
            problems(&format!("${name} = {{{{version}}}}\n")),
            [format!("F316 «{name}»")]
        );
    }
    assert_eq!(
        help("$Host = {{version}}\n"),
        "bind the value to another name, such as `$my_host`"
    );
    // Names of bash mean nothing here.
    assert_eq!(problems("$PATH = {{version}}\n"), [""; 0]);
}

#[test]
fn what_must_come_first_does_not_come_below_a_binding() {
    let binding = "$x = {{version}}\n";
    for (line, word) in [
        ("param()\n", "param"),
        ("Param (\n    $A\n)\n", "Param"),
        ("using namespace System.IO\n", "using"),
        ("[CmdletBinding()]\nparam()\n", "CmdletBinding"),
    ] {
        assert_eq!(
            problems(&format!("{binding}\n{line}")),
            [format!("F324 «{word}»")]
        );
        assert_eq!(problems(&format!("# first\n\n{line}")), [""; 0]);
    }
    assert_eq!(
        problems("$ErrorActionPreference = 'Stop'\nparam()\n"),
        ["F324 «param»"]
    );
    assert_eq!(problems(&format!("{binding}paramount\n")), [""; 0]);
}

#[test]
fn scripts_have_one_form_of_text() {
    for (source, at) in [
        (b"a\nb\r\n".as_slice(), 3),
        (b"\xef\xbb\xbfa\n", 0),
        (b"a\0\n", 1),
        (b"ab\xff\n", 2),
        (b"\xff\xfea\0", 0),
    ] {
        let (_, found) = Templates::compile(&Tree::default().with(DEPLOY, source));
        let found: Vec<_> = found.iter().map(|d| (d.code, d.span.start)).collect();
        assert_eq!(found, [("F303", at)]);
    }
}

#[test]
fn partials_are_those_of_the_language() {
    let tree = tree("{{> other}}\n{{> sharde}}\n").with("templates/partials/other.sh", ":\n");
    assert_eq!(
        in_files(&tree),
        [
            format!("F317 {DEPLOY}: there is no partial `other`"),
            format!("F317 {DEPLOY}: there is no partial `sharde`"),
        ]
    );
    assert_eq!(
        help("{{> other}}\n"),
        "write its functions into templates/partials/other.ps1"
    );
    assert_eq!(help("{{> sharde}}\n"), "did you mean `shared`?");
}

#[test]
fn names_of_files_fit_windows() {
    for path in [
        "templates/app/files/aux.conf",
        "templates/app/files/NUL.hbs",
        "templates/app/files/com1",
        "templates/app/files/a.",
        "templates/partials/con.ps1",
    ] {
        let found = in_files(&tree("1\n").with(path, ""));
        assert!(
            found.len() == 1 && found[0].starts_with(&format!("F323 {path}")),
            "{path}: {found:?}"
        );
    }
    let stray = in_files(&tree("1\n").with("templates/app/deplo.ps1.hbs", ""));
    assert_eq!(
        stray,
        ["F301 templates/app/deplo.ps1.hbs: there is no phase `deplo`"]
    );
}

#[test]
fn every_platform_of_a_template_deploys() {
    let only = Tree::default().with("templates/app/observe.ps1.hbs", "1\n");
    let message = "the template `app` has no phase `deploy` for Windows";
    assert_eq!(in_files(&only), [format!("F320 {DEPLOY}: {message}")]);

    // A host of the other platform finds no script.
    let tree = Tree::default().with("templates/app/deploy.sh.hbs", ":\n");
    let (templates, problems) = Templates::compile(&tree);
    assert_eq!(problems, []);
    let mut lab = environment(&[("web-1", assignment(&[])), ("web-2", assignment(&[]))]);
    for host in lab.hosts.values_mut() {
        host.platform = Platform::Windows;
    }
    let found = templates.check_environment(&lab);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        found[0].message,
        format!("{message}, but web-1 in lab runs it")
    );
    assert_eq!(
        found[0].help.as_deref(),
        Some("write templates/app/deploy.ps1.hbs")
    );
}

#[test]
fn every_platform_of_a_template_rolls_back() {
    let tree = tree("1\n").with("templates/app/rollback.sh.hbs", ":\n");
    let tree = tree.with("templates/app/deploy.sh.hbs", ":\n");
    let (templates, _) = Templates::compile(&tree);
    let mut lab = environment(&[("web-1", assignment(&[]))]);
    lab.rollout.on_failure = OnFailure::Rollback;
    assert_eq!(templates.check_environment(&lab), []);
    for host in lab.hosts.values_mut() {
        host.platform = Platform::Windows;
    }
    let found = templates.check_environment(&lab);
    assert_eq!(
        found[0].help.as_deref(),
        Some("write templates/app/rollback.ps1.hbs, or say `on_failure: pause`")
    );
}

#[test]
fn round_quotation_marks_in_static_text_are_warned_of() {
    let source = "# ‘fine’\n$a = {{variables.x}}\n{{! “fine” }}\nfoo 'It’s'\nbar “a” ‘b’ # c\n  # ’\nbaz 'x' # ’\n";
    assert_eq!(problems(source), ["W332 «’»", "W332 «“»", "W332 «’»"]);
    assert_eq!(
        help("foo 'It’s'\n"),
        "write '; inside of a text [char]0x2019 puts the mark itself there"
    );
    // It warns, and the template can be used.
    let (templates, _) = Templates::compile(&tree("foo 'It’s'\n"));
    let lab = environment(&[("web-1", assignment(&[]))]);
    assert_eq!(templates.unsupported(&lab), []);
    let bundle = bundle_for(&templates, Platform::Windows, &assignment(&[]));
    assert!(bundle.is_ok());
    // In bash they are letters.
    let bash = Tree::default().with("templates/app/deploy.sh.hbs", "echo It’s\n");
    assert_eq!(in_files(&bash), [""; 0]);
}
