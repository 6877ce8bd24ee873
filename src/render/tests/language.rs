//! What templates can say.

use super::{deploy, list, rendered, text, tree};

#[test]
fn bindings_become_quoted_literals_and_arrays() {
    let source = "#!/bin/bash\n# A comment.\nset -eu -o pipefail # why\nshopt -s nullglob\n\n\
                  name={{host.name}}\n  platform={{ host.platform }}  \ninstance={{host.instance}}\n\
                  role={{host.labels.role}}\npart={{host.labels.[app.kubernetes.io/part]}}\n\
                  environment={{environment.name}}\nservice={{service.name}}\nversion={{version}}\n\
                  motto={{variables.motto}}\nports={{list variables.ports}}\nnone={{list variables.none}}\n\
                  echo \"$name\"\n";
    let variables = [
        ("motto", text("it's\n$(here)")),
        ("ports", list(&["80", "a b", ""])),
        ("none", list(&[])),
    ];
    assert_eq!(
        deploy(source, &variables),
        "#!/bin/bash\n# A comment.\nset -eu -o pipefail # why\nshopt -s nullglob\n\n\
         name='web-1'\n  platform='linux'  \ninstance='i-0123456789abcdef0'\n\
         role='web'\npart='shop'\nenvironment='lab'\nservice='app'\nversion='1.2.3'\n\
         motto='it'\\''s\n$(here)'\nports=('80' 'a b' '')\nnone=()\necho \"$name\"\n"
    );
}

#[test]
fn conditions_choose_text_anywhere() {
    let source = "{{#if variables.on}}\nmode={{variables.mode}}\n{{else}}\nmode=\n{{/if}}\n\
                  {{! gone }}\n{{!-- gone {{too}}\n --}}\n\
                  run --{{#if variables.on}}yes{{else}}no{{/if}} \"$mode\"\n\
                  {{#unless (eq host.labels.role \"web\")}}\nother\n\
                  {{else if (eq version '1.2.3')}}\n  {{#if (eq variables.mode variables.same)}}\n  third\n  {{/if}}\n\
                  {{else}}\nlast\n{{/unless}}\nend\n";
    let variables = |on| [("on", text(on)), ("mode", text("m")), ("same", text("m"))];
    assert_eq!(
        deploy(source, &variables("true")),
        "mode='m'\nrun --yes \"$mode\"\n  third\nend\n"
    );
    assert_eq!(
        deploy(source, &variables("false")),
        "mode=\nrun --no \"$mode\"\n  third\nend\n"
    );
}

#[test]
fn partials_are_copied_without_their_comments() {
    let shared = "{{! for maintainers }}\nf() { docker ps --format '\\{{.Names}}'; }";
    let tree =
        tree("x={{version}}\n{{> more}}\nf \"$x\"\n").with("templates/partials/more.sh", shared);
    assert_eq!(
        rendered(&tree, &[], "deploy.sh"),
        "x='1.2.3'\nf() { docker ps --format '{{.Names}}'; }\nf \"$x\"\n"
    );
}

#[test]
fn two_braces_for_the_script_itself_are_escaped() {
    assert_eq!(
        deploy("a \\{{b}} \\{{{c}}} \\{{{{d}}}} \\\\{{!}}e }} \\{ {\n", &[]),
        "a {{b}} {{{c}}} {{{{d}}}} \\e }} \\{ {\n"
    );
}

#[test]
fn data_takes_values_as_they_are_and_as_json() {
    let data = "motd={{variables.motd}}\r\n{{#if (eq version \"1.2.3\")}}\r\nall={{json variables.all}}\r\n{{/if}}\r\n\
                one={{json variables.motd}}\r\n";
    let tree = tree(":\n")
        .with("templates/app/files/app.conf.hbs", data)
        .with("templates/app/files/raw.bin", b"\x00{{version}}\xff\r\n");
    let variables = [
        ("motd", text("<\"it's\" & that>")),
        ("all", list(&["a\"b", "\u{e9}\n"])),
    ];
    assert_eq!(
        rendered(&tree, &variables, "files/app.conf"),
        "motd=<\"it's\" & that>\r\nall=[\"a\\\"b\",\"\u{e9}\\n\"]\r\none=\"<\\\"it's\\\" & that>\"\r\n"
    );
    let bundle = super::bundle(&super::compiled(&tree), &super::assignment(&variables));
    let files = bundle.expect("it renders").files;
    assert_eq!(&*files["files/raw.bin"], b"\x00{{version}}\xff\r\n");
    assert_eq!(
        files.keys().collect::<Vec<_>>(),
        ["deploy.sh", "files/app.conf", "files/raw.bin"]
    );
}
