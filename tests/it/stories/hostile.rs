//! Input that somebody made to do harm, or that came about by accident: each gets an answer at once.
//! A remark names what it is, and `docs/bad-input.md` lists it by that.

use std::fs;
use std::os::unix::fs::symlink;

use super::fleets::{FLEET, files, production};
use super::story::{Story, assert_story};

const ENVIRONMENT: &str = "environments/production.yaml";

fn repository() -> Story {
    Story::with(&files(FLEET, &production("1.0.0", "pause")))
}

/// Answers for each text of an environment.
fn judge(texts: &[(&str, Vec<u8>)]) -> Story {
    let mut story = repository();
    for (what, text) in texts {
        story.remark(what);
        fs::write(story.folder().join(ENVIRONMENT), text).expect("a file");
        story.run("fleet validate");
    }
    story
}

fn text(text: impl AsRef<str>) -> Vec<u8> {
    text.as_ref().as_bytes().to_vec()
}

#[test]
fn yaml_that_grows() {
    let mut laughs = "a0: &a0 lol\n".to_owned();
    for level in 1..20 {
        let below = format!("*a{}, ", level - 1).repeat(9);
        laughs += &format!("a{level}: &a{level} [{below}]\n");
    }
    let quadratic = format!(
        "variables:\n  a: &a {}\n  b: [{}]\n",
        "x".repeat(1 << 20),
        "*a, ".repeat(20)
    );
    let flow = format!("hosts:\n  {}\n", "[".repeat(10_000));
    let block = format!("hosts:\n  {}x\n", "- ".repeat(10_000));
    let steps: String = (0..10_000)
        .map(|depth| format!("{:depth$}a:\n", ""))
        .collect();
    let mut story = judge(&[
        ("An alias bomb", text(laughs)),
        (
            "Aliases that grow with the square of the file",
            text(quadratic),
        ),
        ("10,000 levels of brackets", text(flow)),
        ("10,000 levels of lists", text(block)),
        ("10,000 levels of indentation", text(steps)),
    ]);
    story.remark("A file of 100 MB");
    story.run(&format!("truncate -s 100M {ENVIRONMENT} && fleet validate"));
    story.remark("A file of 100 MB, committed");
    story.commit("Large");
    story.run("fleet plan");
    assert_story!(story);
}

#[test]
fn characters_and_documents() {
    let good = production("1.0.0", "pause");
    let story = judge(&[
        (
            "A key twice, with quotes and without",
            text("services: { app: 1.0.0 }\nhosts:\n  \"a\": {}\n  a: {}\n"),
        ),
        (
            "NUL",
            text("services: { app: 1.0.0 }\nhosts: { a: {} }\n# \0\n"),
        ),
        (
            "A byte-order mark at the beginning",
            text(format!("\u{feff}{good}")),
        ),
        (
            "A byte-order mark inside",
            text(good.replace("hosts", "\u{feff}hosts")),
        ),
        ("CRLF", text(good.replace('\n', "\r\n"))),
        (
            "A carriage return inside of a value",
            text(good.replace("1.0.0", "\"1.0.0\\r\"")),
        ),
        (
            "Bytes that are not UTF-8",
            [good.as_bytes(), b"# caf\xe9\n"].concat(),
        ),
        (
            "UTF-16",
            good.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ),
        ("Several documents", text(format!("{good}---\n{good}"))),
        (
            "A tag",
            text(good.replace("1.0.0", "!!python/object/apply:os.system [id]")),
        ),
        ("A merge key", text(good.replace("b: {}", "b: { <<: {} }"))),
        (
            "Colours and directions for the terminal",
            text(format!("{good}\"\\e[31m\\u202e\": red\n")),
        ),
        ("An empty file", Vec::new()),
        (
            "Something else than YAML",
            text("#!/bin/sh\nrm -rf \"$HOME\"; echo {\n"),
        ),
    ]);
    assert_story!(story);
}

#[test]
fn paths_that_lead_elsewhere() {
    let mut story = repository();
    let link = |target: &str, path: &str| {
        let path = story.folder().join(path);
        let _was_there = fs::remove_file(&path);
        symlink(target, path).expect("a link");
    };
    link("/etc/passwd", ENVIRONMENT);
    link("../../../secret", "templates/app/deploy.sh.hbs");
    link("/etc", "templates/other");
    story.remark("Links out of the repository");
    story.run("fleet validate");
    story.remark("Links out of the repository, committed");
    story.commit("Links");
    story.run("fleet plan");
    story.run("git checkout -q HEAD~ -- . && git clean -qfd && rm -r templates && ln -s /etc templates && fleet validate");
    story.remark("A link as fleet.yaml");
    story.run("ln -sf /etc/passwd fleet.yaml && fleet validate");
    story.remark("Partials that lead elsewhere");
    story.run("git checkout -q HEAD -f -- . ; git reset -q --hard HEAD~ && echo '{{> ../../../etc/passwd}}' >templates/app/deploy.sh.hbs && fleet validate");
    assert_story!(story);
}

#[test]
fn names_that_nobody_would_choose() {
    let mut story = repository();
    let good = production("1.0.0", "pause");
    story.remark("Files of environments with odd names");
    for name in ["New Env", "-rf", "a\nb", "é", "..yaml", "con", "$(id)"] {
        story.write(&format!("environments/{name}.yaml"), &good);
    }
    story.run("fleet validate");
    story.quietly("git", &["clean", "-qfd"]);
    story.remark("Files of templates with odd names");
    for name in [
        "de ploy.sh.hbs",
        "deploy.bat",
        "files/a\nb",
        "-x.sh.hbs",
        "deploy.sh",
    ] {
        story.write(&format!("templates/app/{name}"), "true\n");
    }
    story.run("fleet validate");
    story.quietly("git", &["clean", "-qfd"]);
    story.remark("A branch that git would not take");
    for branch in ["--upload-pack=id", "a..b", "refs/heads/main", "fleet"] {
        story.write(
            "fleet.yaml",
            &FLEET.replace("remote: none", &format!("remote: none, branch: {branch}")),
        );
        story.run("fleet validate");
    }
    story.remark("A branch with an odd name that git takes");
    let odd = "ü;$(touch${IFS}pwned)";
    story.write(
        "fleet.yaml",
        &FLEET.replace("remote: none", &format!("remote: none, branch: '{odd}'")),
    );
    story.quietly("git", &["checkout", "-q", "-b", odd]);
    story.commit("Odd");
    story.run("fleet plan production; ls");
    story.remark("Arguments with odd names");
    story.run("fleet plan ../production");
    story.run("fleet plan --revision --output=x");
    story.run("fleet plan --revision=--output=x; fleet bump production app '$(id)'");
    story.run("fleet bump production app ../../x");
    story.run("fleet bump ../production app 1.1.0");
    assert_story!(story);
}
