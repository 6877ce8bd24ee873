//! `docs/bad-input.md`: what fleet says to each kind of bad input, taken from the snapshots of the
//! stories, which run the real binary. Nothing of a row but its place is written by hand.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// A heading, and what is listed below it: a story, and the remarks or commands in it. A remark is
/// its own name; a command is named by the second text.
type Section = (
    &'static str,
    &'static [(&'static str, &'static str, &'static str)],
);

const SECTIONS: &[Section] = &[
    (
        "Files that do harm",
        &[
            ("hostile__yaml_that_grows", "#", ""),
            ("hostile__characters_and_documents", "#", ""),
            ("hostile__paths_that_lead_elsewhere", "#", ""),
            ("hostile__names_that_nobody_would_choose", "#", ""),
        ],
    ),
    (
        "Habits of other tools",
        &[
            (
                "validate__what_a_terraform_user_would_write",
                "$ fleet validate",
                "As in Terraform",
            ),
            (
                "validate__what_an_argo_cd_user_would_write",
                "$ fleet validate",
                "As in Argo CD",
            ),
            (
                "validate__what_an_ansible_user_would_write",
                "$ fleet validate",
                "As in Ansible",
            ),
        ],
    ),
    (
        "Manifests and templates",
        &[
            (
                "validate__ten_problems_of_five_files_as_annotations",
                "$ fleet validate\n",
                "Ten problems in five files",
            ),
            (
                "validate__scripts_that_bash_does_not_understand",
                "$ fleet validate",
                "A script that bash does not understand",
            ),
            (
                "plan__what_cannot_be_acted_on_yet_closes_its_gate",
                "$ fleet apply",
                "Keys that this version cannot act on, `apply`",
            ),
            (
                "validate__every_problem_in_one_run",
                "$ fleet validate --revision nowhere",
                "A revision that does not exist",
            ),
            (
                "plan__what_matches_nothing_is_wrong_usage",
                "$ fleet plan prod",
                "An environment that does not exist",
            ),
            (
                "plan__what_matches_nothing_is_wrong_usage",
                "$ fleet plan --host",
                "A host that does not exist",
            ),
            (
                "plan__what_matches_nothing_is_wrong_usage",
                "$ fleet plan --service",
                "A service that does not exist",
            ),
            (
                "plan__what_matches_nothing_is_wrong_usage",
                "$ fleet plan -l",
                "A selector that is none",
            ),
            (
                "plan__what_matches_nothing_is_wrong_usage",
                "$ fleet plan development -l",
                "A selector that matches nothing",
            ),
        ],
    ),
    (
        "Git",
        &[
            (
                "validate__without_a_repository",
                "$ fleet validate",
                "Not a git repository",
            ),
            (
                "plan__of_an_empty_repository",
                "$ git init",
                "An empty repository",
            ),
            (
                "git__a_detached_head_is_no_obstacle_where_the_branch_is_there",
                "$ git checkout",
                "A detached HEAD, `plan`",
            ),
            (
                "bump__refusals_leave_everything_as_it_was",
                "$ git checkout -q -- .",
                "A detached HEAD, `bump --direct`",
            ),
            (
                "git__without_an_identity_nothing_is_sent",
                "$ fleet apply",
                "No user.name",
            ),
            ("git__remotes", "$ fleet plan", "A missing remote"),
            (
                "git__remotes",
                "$ git remote add",
                "A remote that is not there",
            ),
            (
                "git__remotes",
                "$ fleet apply",
                "A remote that rejects the push",
            ),
            (
                "git__a_remote_that_lets_nobody_in_and_one_that_takes_nothing",
                "$ fleet plan",
                "A remote that lets nobody in",
            ),
            (
                "observe__a_ledger_that_was_edited_by_hand_is_not_believed",
                "$ git worktree remove",
                "A ledger that was edited by hand and is corrupt",
            ),
            (
                "observe__a_ledger_that_was_edited_by_hand_and_can_be_read_is_believed_until_the_host_speaks",
                "$ git worktree remove",
                "A ledger that was edited by hand and can be read",
            ),
            (
                "observe__a_ledger_that_was_edited_by_hand_and_can_be_read_is_believed_until_the_host_speaks",
                "$ git branch",
                "A ledger whose last commits were taken back",
            ),
            (
                "bump__refusals_leave_everything_as_it_was",
                "$ echo",
                "A file with changes, `bump --direct`",
            ),
            (
                "bump__through_an_alias",
                "$ fleet bump",
                "A version that comes through an alias, `bump`",
            ),
            (
                "bump__with_the_hash_of_the_artifact",
                "$ fleet bump production hello 1.2.0 --direct",
                "A hash that would stay beside another version, `bump`",
            ),
        ],
    ),
    (
        "AWS",
        &[
            (
                "aws__no_credentials_and_no_endpoint",
                "$ fleet apply",
                "No AWS credentials",
            ),
            (
                "aws__no_credentials_and_no_endpoint",
                "$ fleet observe",
                "An endpoint that is down",
            ),
            ("aws__access_denied", "$ fleet apply", "Access denied"),
            (
                "aws__sending_is_denied_and_allowed_later",
                "$ fleet apply",
                "Sending denied",
            ),
            (
                "aws__throttled_for_a_minute",
                "$ fleet apply",
                "Throttled for a minute",
            ),
            (
                "aws__a_host_that_ssm_does_not_know_is_deferred",
                "$ fleet apply",
                "A host that SSM does not know",
            ),
        ],
    ),
    (
        "Scripts and machines",
        &[
            (
                "scripts__ten_megabytes_and_bytes_that_are_no_text",
                "$ fleet apply",
                "A script that prints 10 MB, and bytes that are no text",
            ),
            ("scripts__hangs", "$ fleet apply", "A script that hangs"),
            (
                "scripts__kills_its_parent",
                "$ fleet apply",
                "A script that kills its parent",
            ),
            (
                "scripts__leaves_a_process_behind",
                "$ fleet apply",
                "A script that leaves a process in the background",
            ),
            (
                "scripts__prints_what_a_report_looks_like",
                "$ fleet apply",
                "A script that prints what a report looks like",
            ),
            (
                "hosts__a_deploy_finds_no_space_and_the_old_version_stays",
                "$ fleet apply",
                "A disk that is full in mid-deploy",
            ),
            (
                "hosts__a_disk_that_is_full_before_the_step_refuses_it",
                "$ fleet apply",
                "A disk that is full before the step",
            ),
            (
                "hosts__a_garbled_report_is_asked_for_again",
                "$ fleet apply",
                "A garbled report",
            ),
        ],
    ),
];

const HEAD: &str = "\
# Bad input

What fleet says to input that is wrong, hostile or unlucky. `cargo test` makes this page from the
stories in `tests/it/stories/`, which run the program; `INSTA_UPDATE=always cargo test --test it
bad_input` writes it anew. Every mistake in manifests and templates has a page of its own as well:
[diagnostics](diagnostics/README.md), `fleet validate --explain CODE`. What the exit statuses mean:
[exit codes](exit-codes.md).
";

/// Every code, with the wrong example of its page; which of the two for a broken PowerShell script
/// is said depends on whether there is a PowerShell to read it.
const CODES: &str = "
## Every error and warning of manifests and templates

What `fleet validate` says to the wrong example of each page. F331 and W331, a script that
PowerShell does not understand, depend on whether there is a PowerShell; F315 is never said of what
a manifest says, since F120 says it first.

| input | code | what fleet says | exit |
|---|---|---|---|
";

/// A command of a story, with what was said.
struct Step {
    remark: Option<String>,
    command: String,
    answer: Vec<String>,
}

impl Step {
    /// The code of the first diagnostic, the line that says what is wrong, and the exit status.
    fn row(&self, name: &str) -> String {
        let exit = self
            .answer
            .iter()
            .find_map(|line| line.strip_prefix("--- exit "));
        let is_end = |line: &&String| {
            [": succeeded", ": rolled back", ": paused", ": failed"]
                .iter()
                .any(|word| line.contains(word))
        };
        let error = self.answer.iter().find(|line| line.starts_with("error"));
        let shown = error
            .or_else(|| self.answer.iter().find(is_end))
            .or_else(|| self.answer.iter().find(|line| !line.starts_with("---")));
        let shown = shown.map_or("", String::as_str).trim();
        let causes = self.answer.iter();
        let causes: String = causes
            .filter_map(|line| line.strip_prefix("caused by: "))
            .map(|cause| format!(": {cause}"))
            .collect();
        let (code, message) = diagnostic(shown).unwrap_or(("", shown));
        format!(
            "| {name} | {code} | {} | {} |\n",
            cell(&format!("{message}{causes}")),
            exit.unwrap_or("0")
        )
    }
}

/// Code and message.
fn diagnostic(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("error[")
        .or_else(|| line.strip_prefix("warning["))?
        .split_once("]: ")
}

/// A row for each code: its page's title, and the line with it. What it brings with it may stand
/// before it.
fn codes(snapshot: &str) -> String {
    let rows = steps(snapshot).into_iter().map(|step| {
        let remark = step.remark.as_deref().unwrap_or_default();
        let (code, title) = remark.split_once(": ").expect("a heading");
        let lines = || step.answer.iter().filter_map(|line| diagnostic(line));
        let own = lines().find(|(found, _)| *found == code);
        let (said, message) = own.or_else(|| lines().next()).expect("a diagnostic");
        let mut exits = step.answer.iter();
        let exit = exits.find_map(|line| line.strip_prefix("--- exit "));
        // Names of files are written as they are.
        let first = match title.split(' ').next() {
            Some(word) if word.contains('.') => title[..1].to_owned(),
            _ => title[..1].to_uppercase(),
        };
        format!(
            "| {first}{} | {said} | {} | {} |\n",
            &title[1..],
            cell(message),
            exit.unwrap_or("0")
        )
    });
    rows.collect()
}

/// Text in a cell, as it is: between two backticks, for it may hold one.
fn cell(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    format!("`` {} ``", words.join(" ").replace('|', "\\|"))
}

fn steps(snapshot: &str) -> Vec<Step> {
    let (_, body) = snapshot[4..]
        .split_once("\n---\n")
        .expect("a snapshot's head");
    let mut steps: Vec<Step> = Vec::new();
    let mut remark = None;
    for line in body.lines() {
        if let Some(text) = line.strip_prefix("# ") {
            remark = Some(text.to_owned());
        } else if line.starts_with("$ ") {
            steps.push(Step {
                remark: remark.take(),
                command: format!("{line}\n"),
                answer: Vec::new(),
            });
        } else if let (Some(step), false) = (steps.last_mut(), line.is_empty()) {
            step.answer.push(line.to_owned());
        }
    }
    steps
}

fn page() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/stories/snapshots");
    let mut page = HEAD.to_owned();
    let mut stories: BTreeMap<&str, Vec<Step>> = BTreeMap::new();
    for (heading, rows) in SECTIONS {
        write!(
            page,
            "\n## {heading}\n\n| input | code | what fleet says first | exit |\n|---|---|---|---|\n"
        )
        .expect("a string");
        for (story, place, name) in *rows {
            let steps = stories.entry(story).or_insert_with(|| {
                let path = folder.join(format!("it__stories__{story}.snap"));
                let text = fs::read_to_string(&path);
                steps(&text.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
            });
            if *place == "#" {
                for step in steps.iter() {
                    if let Some(remark) = &step.remark {
                        page += &step.row(remark);
                    }
                }
                continue;
            }
            let step = steps.iter().find(|step| step.command.starts_with(place));
            let step = step.unwrap_or_else(|| panic!("{story} has no {place}"));
            page += &step.row(name);
        }
    }
    let said = folder.join("../../snapshots/it__pages__what_the_wrong_examples_say.snap");
    page += CODES;
    page += &codes(&fs::read_to_string(&said).unwrap_or_default());
    page
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "tests have no cli that reads the environment"
)]
fn the_page_of_bad_input_is_what_the_stories_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/bad-input.md");
    let page = page();
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, &page).expect("the page");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/bad-input.md is not what the stories say: INSTA_UPDATE=always writes it anew"
    );
}
