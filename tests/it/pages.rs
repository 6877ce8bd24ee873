//! The examples in `docs/diagnostics/` are run: each wrong one gives the code of its page, each
//! right one gives no problem at all.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const README: &str = include_str!("../../docs/diagnostics/README.md");
const PAGES: [&str; 4] = [
    include_str!("../../docs/diagnostics/files.md"),
    include_str!("../../docs/diagnostics/values.md"),
    include_str!("../../docs/diagnostics/references.md"),
    include_str!("../../docs/diagnostics/templates.md"),
];

/// What manifests say is judged there already, so no files lead to the first one; `render` tests it.
const INSTEAD: [(&str, &str); 1] = [("F315", "F120")];

/// Which of the two a broken script gives depends on whether there is a PowerShell to read it.
const OF_POWERSHELL: [&str; 2] = ["F331", "W331"];

/// What some mistakes bring with them.
const COMPANIONS: [(&str, &[&str]); 2] = [("F016", &["F101"]), ("W101", &["W201"])];

/// A file of an example, or commands where it has no path.
struct Block {
    path: Option<String>,
    text: String,
}

#[derive(Default)]
struct Page {
    title: &'static str,
    wrong: Vec<Block>,
    right: Vec<Block>,
}

/// The fenced blocks of a text, each with the last line before it.
fn blocks(text: &str) -> Vec<(String, Block)> {
    let mut found = Vec::new();
    let mut intro = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let path = intro.split('`').nth(1).map(str::to_owned);
            let text = inside.join("\n") + "\n";
            found.push((intro.clone(), Block { path, text }));
        } else if !line.is_empty() {
            line.clone_into(&mut intro);
        }
    }
    found
}

fn pages() -> BTreeMap<&'static str, Page> {
    let mut pages = BTreeMap::new();
    for section in PAGES
        .into_iter()
        .flat_map(|file| file.split("\n## ").skip(1))
    {
        let (code, rest) = section.split_once(": ").expect("a heading");
        let mut page = Page {
            title: rest.lines().next().unwrap_or_default(),
            ..Page::default()
        };
        let mut is_right = false;
        for (intro, block) in blocks(section) {
            match intro.split([',', ':', ' ']).next() {
                Some("Wrong") => is_right = false,
                Some("Right") => is_right = true,
                Some("and") => {}
                _ => panic!("{code}: an example begins with Wrong, Right or and: {intro}"),
            }
            let side = if is_right {
                &mut page.right
            } else {
                &mut page.wrong
            };
            side.push(block);
        }
        pages.insert(code, page);
    }
    pages
}

fn write(root: &Path, block: &Block) {
    let path = root.join(block.path.as_ref().expect("a path"));
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    fs::write(path, &block.text).expect("a file");
}

/// What `fleet validate` says to the README's fleet with an example in it.
fn judge(example: &[Block], format: &str) -> Output {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path();
    let bin = env!("CARGO_BIN_EXE_fleet");
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(root)
            .output();
        output.expect("a program")
    };
    assert!(run("git", &["init", "-q"]).status.success());
    for (_, block) in blocks(README) {
        write(root, &block);
    }
    let mut answer = None;
    for block in example {
        if block.path.is_some() {
            write(root, block);
            continue;
        }
        for line in block.text.lines() {
            let command = line.strip_prefix("$ ").expect("a command");
            let asks = command.ends_with("fleet validate");
            let command = if asks {
                // A path that leads nowhere leads to no fleet either.
                format!("{} --format {format}", command.replace("fleet", bin))
            } else {
                command.to_owned()
            };
            let output = run("bash", &["-c", &command]);
            if asks {
                answer = Some(output);
            } else {
                assert!(output.status.success(), "{command}: {output:?}");
            }
        }
    }
    answer.unwrap_or_else(|| run(bin, &["validate", "--format", format]))
}

/// The codes in what it says.
fn codes(example: &[Block]) -> Vec<String> {
    let output = judge(example, "json");
    let document: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error} {output:?}"));
    let found = document["diagnostics"].as_array().expect("diagnostics");
    let mut codes: Vec<String> = found
        .iter()
        .map(|one| one["code"].as_str().expect("a code").to_owned())
        .collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

#[test]
fn examples_of_the_pages_are_what_they_say() {
    let mut failures = Vec::new();
    for (code, page) in pages() {
        assert!(!page.wrong.is_empty(), "{code} needs a wrong example");
        assert!(!page.right.is_empty(), "{code} needs a right example");
        let companions = COMPANIONS.iter().find(|(known, _)| *known == code);
        let instead = INSTEAD.iter().find(|(known, _)| *known == code);
        let mut expected = vec![instead.map_or(code, |(_, instead)| *instead)];
        if OF_POWERSHELL.contains(&code) {
            let has_powershell = Command::new("pwsh").arg("-Version").output().is_ok();
            expected = vec![OF_POWERSHELL[usize::from(!has_powershell)]];
        }
        expected.extend(companions.map_or(&[][..], |(_, codes)| codes));
        expected.sort_unstable();
        for (side, example, expected) in [
            ("wrong", &page.wrong, expected),
            ("right", &page.right, vec![]),
        ] {
            let found = codes(example);
            if found != expected {
                failures.push(format!("{code}, {side}: {found:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What is said; of hundreds of problems only those that the page is about.
fn told(code: &str, answer: &str) -> String {
    const MOST: usize = 20;
    let blocks: Vec<&str> = answer.split("\n\n").collect();
    if blocks.len() <= MOST {
        return answer.to_owned();
    }
    let own = format!("[{code}]");
    let is_own = |block: &&&str| block.lines().next().is_some_and(|line| line.contains(&own));
    let mut told: Vec<String> = blocks
        .iter()
        .filter(is_own)
        .map(|&it| it.to_owned())
        .collect();
    told.push(format!("({} more)", blocks.len() - told.len() - 1));
    told.extend(blocks.last().map(|&count| count.to_owned()));
    told.join("\n\n")
}

/// Each of the wrong ones as a person sees it; `docs/bad-input.md` lists them.
#[test]
fn what_the_wrong_examples_say() {
    let mut said = String::new();
    for (code, page) in pages() {
        if OF_POWERSHELL.contains(&code) {
            continue;
        }
        let output = judge(&page.wrong, "text");
        let answer = String::from_utf8_lossy(&output.stdout);
        let exit = output.status.code().expect("an exit status");
        said += &format!(
            "# {code}: {}\n\n$ fleet validate\n{}\n--- exit {exit}\n\n",
            page.title,
            told(code, answer.trim_end())
        );
    }
    insta::assert_snapshot!(said);
}
