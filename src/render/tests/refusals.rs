//! Each code of the templates themselves: what is underlined, and what the help says.

use crate::model::source::Entry;
use crate::model::source::Tree;

use super::super::Templates;
use super::tree;

/// The problems of a deploy script as `code «underlined»`.
fn problems(source: &str) -> Vec<String> {
    found(&tree(source), source)
}

fn found(tree: &Tree, source: &str) -> Vec<String> {
    let (_, diagnostics) = Templates::compile(tree);
    diagnostics
        .iter()
        .map(|problem| format!("{} «{}»", problem.code, &source[problem.span.clone()]))
        .collect()
}

/// Code, file and message of what is wrong with a tree.
fn in_files(tree: &Tree) -> Vec<String> {
    let (_, diagnostics) = Templates::compile(tree);
    diagnostics
        .iter()
        .map(|problem| format!("{} {}: {}", problem.code, problem.file, problem.message))
        .collect()
}

fn help(source: &str) -> String {
    let (_, diagnostics) = Templates::compile(&tree(source));
    let first = diagnostics.into_iter().next().expect("a problem");
    first.help.expect("help")
}

#[test]
fn f301_nothing_below_templates_is_ignored() {
    let cases = [
        ("templates/README.md", "this file is no part of a template"),
        ("templates/app/deplo.sh.hbs", "there is no phase `deplo`"),
        (
            "templates/app/verify.sh",
            "`verify.sh` is no phase of a template",
        ),
        (
            "templates/app/notes.txt",
            "`notes.txt` is no phase of a template",
        ),
        (
            "templates/app/files/a/b",
            "folders below files/ are not copied",
        ),
        (
            "templates/app/extra/b",
            "this file is no part of a template",
        ),
        ("templates/partials/x.sh.hbs", "`x.sh.hbs` is not a partial"),
    ];
    for (path, message) in cases {
        assert_eq!(
            in_files(&tree(":\n").with(path, "")),
            [format!("F301 {path}: {message}")]
        );
    }
    let (_, found) = Templates::compile(&tree(":\n").with("templates/app/deplo.sh.hbs", ""));
    assert_eq!(
        found[0].help.as_deref(),
        Some("did you mean `deploy.sh.hbs`?")
    );
}

#[test]
fn f303_scripts_are_text() {
    for (source, at) in [
        (b"a\nb\r\n".as_slice(), 3),
        (b"\xef\xbb\xbfa\n", 0),
        (b"a\0\n", 1),
        (b"ab\xff\n", 2),
    ] {
        let (_, found) =
            Templates::compile(&Tree::default().with("templates/app/deploy.sh.hbs", source));
        assert_eq!(
            found
                .iter()
                .map(|d| (d.code, d.span.start))
                .collect::<Vec<_>>(),
            [("F303", at)]
        );
        if let Ok(text) = std::str::from_utf8(source) {
            let place = text.get(found[0].span.clone());
            assert!(place.is_some(), "the place is whole characters: {found:?}");
        }
    }
}

#[test]
fn f304_tags_and_blocks_are_closed() {
    let cases: [(&str, &[&str]); 13] = [
        ("a {{b\n}}\n", &["F304 «{{b»"]),
        ("a {{ \"b}}\n", &["F304 «{{ \"b}}»"]),
        ("a={{1..2},3}\n", &["F304 «{{1..2},3}»"]),
        ("{{! a\nb\n", &["F304 «{{! a»"]),
        ("{{}}\n", &["F304 «{{}}»"]),
        ("{{#}}\n{{/if}}\n", &["F304 «{{#}}»", "F304 «{{/if}}»"]),
        (
            "{{#if (eq version \"1\")}}\n",
            &["F304 «{{#if (eq version \"1\")}}»"],
        ),
        ("{{/if}}\n", &["F304 «{{/if}}»"]),
        ("{{/}}\n", &["F304 «{{/}}»"]),
        ("{{else}}\n", &["F304 «{{else}}»"]),
        (
            "{{#if (eq version \"1\")}}{{/unless}}\n",
            &["F304 «{{/unless}}»"],
        ),
        (
            "{{#if (eq version \"1\")}}{{else}}{{else}}{{/if}}\n",
            &["F304 «{{else}}»"],
        ),
        ("x={{if version}}\n", &["F304 «{{if version}}»"]),
    ];
    for (source, expected) in cases {
        assert_eq!(problems(source), expected, "{source}");
    }
    let open = "{{#if (eq version \"1\")}}";
    let deep = format!("{}{}", open.repeat(17), "{{/if}}".repeat(17));
    assert_eq!(problems(&deep), [format!("F304 «{open}»")]);
    assert_eq!(
        help("docker ps --format '{{.Names}'\n"),
        "close it with }}; two braces that are meant for the script itself are written \\{{"
    );
}

#[test]
fn f305_values_stand_in_the_head_and_alone() {
    let value = "F305 «{{version}}»";
    for source in [
        "echo {{version}}\n",
        "# {{version}}\n",
        "x={{version}} y\n",
        "x={{version}};\n",
        "x={{version}} # why\n",
        "x={{version}}\\\n",
        "x={{version}}{{! a }}\n",
        "{{! a }}x={{version}}\n",
        "x=\"{{version}}\"\n",
        "x='{{version}}'\n",
        "x=a{{version}}\n",
        "x+={{version}}\n",
        "x[0]={{version}}\n",
        "1x={{version}}\n",
        "export x={{version}}\n",
        "{{version}}\n",
        "{{#if (eq version \"1\")}}x={{version}}{{/if}}\n",
        // The head has ended.
        "echo\nx={{version}}\n",
        "cat <<E\nx={{version}}\nE\n",
        "# a \\\nx={{version}}\n",
        "a=1 \\\nx={{version}}\n",
        "set -e \\\nx={{version}}\n",
        "set -H\nx={{version}}\n",
        "set -- a\nx={{version}}\n",
        "set -e; a='\nx={{version}}\n",
        "set -e 'a\nx={{version}}\n",
        "shopt -s expand_aliases\nx={{version}}\n",
        "a=1\nx={{version}}\n",
        ": '\nx={{version}}\n",
        "\u{b}\nx={{version}}\n",
        "{{> shared}}\nx={{version}}\n",
        "{{! a }} b\nx={{version}}\n",
        "a {{!\n}}\nx={{version}}\n",
        "\\{{\nx={{version}}\n",
        // Branches count, taken or not.
        "{{#if (eq version \"9\")}}\necho {{version}}\n{{/if}}\n",
        "{{#if (eq version \"1.2.3\")}}\n:\n{{else}}\nx={{version}}\n{{/if}}\n",
        "{{#if (eq version \"9\")}}\n:\n{{/if}}\nx={{version}}\n",
        "{{#if (eq version \"9\")}}:{{/if}}\nx={{version}}\n",
    ] {
        assert_eq!(problems(source), [value], "{source}");
    }
}

#[test]
fn f305_help_shows_the_binding() {
    let below = "in the head of the script, alone on its line and without quotes, and use";
    for (source, expected) in [
        (
            "echo {{variables.install-path}}\n",
            format!(
                "write `install_path={{{{variables.install-path}}}}` {below} \"$install_path\" below it"
            ),
        ),
        (
            "export TARGET=\"{{host.name}}/a\"\n",
            format!("write `TARGET={{{{host.name}}}}` {below} \"$TARGET\" below it"),
        ),
        (
            "for x in {{list variables.all}}; do\n",
            format!(
                "write `all={{{{list variables.all}}}}` {below} ${{all[@]+\"${{all[@]}}\"}} below it"
            ),
        ),
        (
            "x={{{version}}}\n",
            format!("write `version={{{{version}}}}` {below} \"$version\" below it"),
        ),
    ] {
        assert_eq!(help(source), expected);
    }
    let (_, found) = Templates::compile(&tree("set -e\nmkdir a\nx={{version}}\n"));
    assert_eq!(
        found[0].related,
        Some((7..14, "the head ends here".to_owned()))
    );
}

#[test]
fn f305_one_wrong_binding_leaves_the_next_ones_right() {
    let source = "x=\"{{version}}\"\ny={{version}}\nexport z={{version}}\nw={{version}}\n";
    assert_eq!(
        problems(source),
        ["F305 «{{version}}»", "F305 «{{version}}»"]
    );
}

#[test]
fn f306_no_value_is_unquoted() {
    for tag in [
        "{{{version}}}",
        "{{&version}}",
        "{{& version }}",
        "{{{variables.x}}}",
    ] {
        assert_eq!(problems(&format!("x={tag}\n")), [format!("F306 «{tag}»")]);
    }
    let tree = tree(":\n").with("templates/app/files/a.hbs", "{{{version}}}");
    let (_, found) = Templates::compile(&tree);
    assert_eq!(
        found[0].help.as_deref(),
        Some("{{version}} is the value as it is")
    );
}

#[test]
fn f307_white_space_is_not_controlled() {
    for tag in ["{{~version}}", "{{version~}}", "{{~version~}}"] {
        assert_eq!(problems(&format!("x={tag}\n")), [format!("F307 «{tag}»")]);
    }
    assert_eq!(
        problems("# a\n{{~#if (eq version \"1\")~}}\nb\n{{~/if}}\n"),
        ["F307 «{{~#if (eq version \"1\")~}}»", "F307 «{{~/if}}»"]
    );
}

#[test]
fn f308_the_rest_of_handlebars() {
    for (source, expected) in [
        ("{{#each variables.a}}\nb\n{{/each}}\n", "F308 «each»"),
        ("{{#iff version}}\n{{/iff}}\n", "F308 «iff»"),
        ("{{#if}}\n{{/if}}\n", "F308 «{{#if}}»"),
        (
            "{{#if version version}}\n{{/if}}\n",
            "F308 «{{#if version version}}»",
        ),
        (
            "{{#if (ne version \"1\")}}\n{{/if}}\n",
            "F308 «{{#if (ne version \"1\")}}»",
        ),
        (
            "{{#if (eq (eq version \"1\") \"true\")}}\n{{/if}}\n",
            "F308 «{{#if (eq (eq version \"1\") \"true\")}}»",
        ),
        (
            "{{#if version includeZero=true}}\n{{/if}}\n",
            "F308 «{{#if version includeZero=true}}»",
        ),
        (
            "{{#if version as |v|}}\n{{/if}}\n",
            "F308 «{{#if version as |v|}}»",
        ),
        (
            "{{#if (eq version \"a\\\\\")}}\n{{/if}}\n",
            "F308 «\"a\\\\\"»",
        ),
        ("{{^if}}\n", "F308 «{{^if}}»"),
        ("x={{lookup host \"name\"}}\n", "F308 «lookup»"),
        ("x={{lst variables.a}}\n", "F308 «lst»"),
        ("x={{(version)}}\n", "F308 «{{(version)}}»"),
        ("x={{json version}}\n", "F308 «{{json version}}»"),
        ("x={{list a=version}}\n", "F308 «{{list a=version}}»"),
        ("{{* decorator}}\n", "F308 «{{* decorator}}»"),
        ("{{#*inline \"a\"}}\n", "F308 «{{#*inline \"a\"}}»"),
        ("{{#> layout}}\n", "F308 «{{#> layout}}»"),
        ("{{> shared a=version}}\n", "F308 «{{> shared a=version}}»"),
        ("{{{{raw}}}}\n", "F308 «{{{{raw}}}}»"),
    ] {
        let all = problems(source);
        assert_eq!(all.first().map(String::as_str), Some(expected), "{all:?}");
    }
    assert!(help("x={{lst variables.a}}\n").contains("did you mean `list`?"));
    assert!(help("{{#each variables.a}}{{/each}}\n").contains("`name={{list path}}`"));
    let data = tree(":\n")
        .with("templates/app/files/a.hbs", "{{list variables.a}}")
        .with("templates/app/files/b.hbs", "{{> shared}}");
    assert_eq!(
        in_files(&data),
        [
            "F308 templates/app/files/a.hbs: `list` is for the arrays of scripts",
            "F308 templates/app/files/b.hbs: {{> shared}}: there are no partials in files/",
        ]
    );
}

#[test]
fn f309_there_are_no_scopes() {
    for path in [
        "../version",
        "./version",
        "this.version",
        "this",
        "@root.version",
        "@index",
    ] {
        assert_eq!(
            problems(&format!("x={{{{{path}}}}}\n")),
            [format!("F309 «{path}»")]
        );
    }
    assert_eq!(help("x={{../version}}\n"), "write `version`");
    assert_eq!(help("x={{@root.version}}\n"), "write `version`");
}

#[test]
fn f310_a_tag_names_a_value() {
    for literal in ["\"text\"", "'text'", "true", "null", "12", "-1"] {
        assert_eq!(
            problems(&format!("x={{{{{literal}}}}}\n")),
            [format!("F310 «{literal}»")]
        );
    }
    assert_eq!(problems("{{#if (eq version 1)}}\n{{/if}}\n"), ["F310 «1»"]);
    assert_eq!(
        help("{{#if (eq version 1)}}\n{{/if}}\n"),
        "every value is text: write \"1\""
    );
}

#[test]
fn f311_paths_are_those_of_the_declared_context() {
    for (path, suggestion) in [
        ("vesion", "did you mean `version`?"),
        ("host.nam", "did you mean `host.name`?"),
        ("enviroment.name", "did you mean `environment.name`?"),
        ("variable.x", "did you mean `variables.x`?"),
        ("host.label.x", "did you mean `host.labels.x`?"),
        (
            "install_path",
            "a variable is written `variables.install_path`",
        ),
        (
            "variables.a.b",
            "for a variable whose name has dots write `variables.[a.b]`",
        ),
        (
            "host.labels.a.b",
            "for a label whose name has dots write `host.labels.[a.b]`",
        ),
    ] {
        let source = format!("x={{{{{path}}}}}\n");
        assert_eq!(problems(&source), [format!("F311 «{path}»")]);
        assert_eq!(help(&source), suggestion);
        // The same in a branch that is not taken.
        let branch = format!("{{{{#if (eq version \"9\")}}}}\n{source}{{{{/if}}}}\n");
        assert_eq!(problems(&branch), [format!("F311 «{path}»")]);
    }
    for path in [
        "variables",
        "host",
        "host.labels",
        "variables.",
        "variables..a",
        "a/b",
        "variables.[a",
    ] {
        let found = problems(&format!("x={{{{{path}}}}}\n"));
        assert!(found.len() == 1 && found[0].starts_with("F3"), "{found:?}");
    }
}

#[test]
fn f316_names_that_bash_runs_or_fleet_owns() {
    for name in [
        "PS4",
        "BASH_ENV",
        "ENV",
        "PATH",
        "IFS",
        "LD_PRELOAD",
        "FLEET_VERSION",
        "_",
    ] {
        assert_eq!(
            problems(&format!("{name}={{{{version}}}}\n")),
            [format!("F316 «{name}»")]
        );
    }
    assert!(help("PS4={{version}}\n").contains("`ps4`"));
}

#[test]
fn f317_partials_exist() {
    assert_eq!(problems("{{> sharde}}\n"), ["F317 «sharde»"]);
    assert_eq!(help("{{> sharde}}\n"), "did you mean `shared`?");
    assert_eq!(
        help("{{> other}}\n"),
        "write its functions into templates/partials/other.sh"
    );
}

#[test]
fn f318_partials_have_no_values() {
    for tag in [
        "{{version}}",
        "{{#if (eq version \"1\")}}",
        "{{> shared}}",
        "{{{{raw}}}}",
        "{{~! a}}",
    ] {
        let source = format!("f() {{ :; }}\n{tag}\n");
        let tree = tree("{{> own}}\n").with("templates/partials/own.sh", &source);
        assert_eq!(found(&tree, &source), [format!("F318 «{tag}»")]);
        // What includes it is not rendered.
        let (templates, _) = Templates::compile(&tree);
        let refused = super::bundle(&templates, &super::assignment(&[])).expect_err("broken");
        assert_eq!(refused.code, "F318");
    }
}

#[test]
fn f319_partials_stand_alone() {
    for source in ["  {{> shared}}\n", "a {{> shared}}\n", "{{> shared}} b\n"] {
        assert_eq!(problems(source), ["F319 «{{> shared}}»"]);
    }
}

#[test]
fn f320_every_template_deploys() {
    let tree = Tree::default().with("templates/app/observe.sh.hbs", ":\n");
    assert_eq!(
        in_files(&tree),
        ["F320 templates/app/deploy.sh.hbs: the template `app` has no phase `deploy`"]
    );
}

#[test]
fn f322_templates_are_files() {
    let mut tree = tree(":\n");
    for (path, entry) in [
        (
            "templates/app/observe.sh.hbs",
            Entry::Link("/etc/passwd".to_owned()),
        ),
        ("templates/app/verify.sh.hbs", Entry::TooLarge(1 << 30)),
        (
            "templates/app/files/a",
            Entry::File(vec![b'a'; 256 * 1024 + 1].into()),
        ),
        ("templates/app/files/b", Entry::Other),
        // Not a phase with a strange name: a link where a folder belongs.
        ("templates/web/files", Entry::Link("/etc".to_owned())),
        ("templates/db", Entry::Link("app".to_owned())),
    ] {
        tree.entries.insert(path.into(), entry);
    }
    assert_eq!(
        in_files(&tree),
        [
            "F322 templates/app/files/a: this file has 262145 bytes, more than 262144",
            "F322 templates/app/files/b: this is not a file",
            "F322 templates/app/observe.sh.hbs: this is a link to `/etc/passwd`",
            "F322 templates/app/verify.sh.hbs: this file has 1073741824 bytes, more than 262144",
            "F322 templates/db: this is a link to `app`",
            "F322 templates/web/files: this is a link to `/etc`",
        ]
    );
}

#[test]
fn f323_file_names_are_paths_on_a_host() {
    for path in [
        "templates/app/files/a b",
        "templates/app/files/-a",
        "templates/app/files/..hbs",
        "templates/app/files/.hbs",
        "templates/app/files/é",
        "templates/App/deploy.sh.hbs",
        "templates/partials/A.sh",
    ] {
        let found = in_files(&tree(":\n").with(path, ""));
        assert!(
            found.len() == 1 && found[0].starts_with(&format!("F323 {path}")),
            "{path}: {found:?}"
        );
    }
    let twins = tree(":\n")
        .with("templates/app/files/a.conf", "")
        .with("templates/app/files/A.conf.hbs", "");
    assert_eq!(
        in_files(&twins),
        [
            "F323 templates/app/files/a.conf: this file and templates/app/files/A.conf.hbs would be one file on the host"
        ]
    );
}

#[test]
fn f325_secrets_have_names_of_parameters() {
    for name in ["", "a b", "-a", "/é", "a'b", "a$(id)"] {
        assert_eq!(
            problems(&format!("x={{{{secret \"{name}\"}}}}\n")),
            [format!("F325 «\"{name}\"»")]
        );
    }
    assert_eq!(
        problems("x={{secret}}\ny={{secret a b}}\n"),
        ["F311 «secret»", "F304 «{{secret a b}}»"]
    );
    assert_eq!(problems("x={{secret 12}}\n"), ["F310 «12»"]);
    assert_eq!(problems("x={{secret nothing}}\n"), ["F311 «nothing»"]);
}

#[test]
fn secrets_are_bound_in_the_head_of_a_script_only() {
    let tag = "{{secret \"/web/db-password\"}}";
    assert_eq!(
        problems(&format!("echo {tag}\n")),
        [format!("F305 «{tag}»")]
    );
    assert!(help(&format!("echo {tag}\n")).starts_with(&format!("write `db_password={tag}` in")));
    assert!(
        help("echo {{secret variables.key}}\n")
            .starts_with("write `key={{secret variables.key}}` in")
    );
    let data = tree(":\n").with("templates/app/files/a.hbs", tag);
    assert_eq!(
        in_files(&data),
        [format!(
            "F308 templates/app/files/a.hbs: {tag}: files have no secrets, which only hosts read"
        )]
    );
}
