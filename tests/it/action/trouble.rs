//! Invalid manifests, hostile words, tokens that may not write, a service that is out of order.

use std::fmt::Write as _;

use super::Pull;
use crate::stories::fleets::production;
use crate::stories::story::{FILTERS, Story};

const POST: &str = "POST /repos/acme/fleet/issues/7/comments";

fn bump(story: &Story) {
    story.write(
        "environments/production.yaml",
        &production("1.1.0", "pause"),
    );
    story.commit("production: app 1.1.0");
}

#[test]
fn invalid_manifests_fail_the_job_and_stand_in_the_comment() {
    let Some(pull) = Pull::open("typo", |story| {
        bump(story);
        story.write(
            "environments/staging.yaml",
            "services: { app: 1.10 }\nhost: {}\n",
        );
        story.commit("Add staging");
    }) else {
        return;
    };
    let run = pull.run();
    assert_eq!(run.code, 3, "{}", run.log);
    let mut filters = FILTERS.to_vec();
    filters.push((r"::[0-9a-f]{32}\b", "::[token]"));
    insta::with_settings!({ filters => filters, omit_expression => true }, {
        insta::assert_snapshot!("invalid_log", run.log);
        insta::assert_snapshot!("invalid_comment", pull.github.plans().remove(0));
    });
}

#[test]
fn a_token_that_may_not_write_leaves_the_plan_in_the_summary() {
    let Some(pull) = Pull::open("fork", bump) else {
        return;
    };
    let forbidden = (403, "Resource not accessible by integration");
    pull.github.state().refusal = Some(forbidden);
    let run = pull.run();
    assert_eq!(run.code, 0, "{}", run.log);
    assert!(
        run.log
            .contains("::notice title=fleet plan::This token may not comment"),
        "{}",
        run.log
    );
    assert!(
        run.summary
            .starts_with("The plan is here and not in a comment"),
        "{}",
        run.summary
    );
    assert!(run.summary.contains("1.0.0 → 1.1.0"), "{}", run.summary);
    assert!(pull.github.plans().is_empty());

    // The same where it may not even read.
    pull.github.state().next = vec![forbidden];
    let run = pull.run();
    assert_eq!(run.code, 0, "{}", run.log);
    assert!(run.summary.contains("1.0.0 → 1.1.0"), "{}", run.summary);
}

#[test]
fn a_run_of_no_pull_request_writes_the_summary() {
    let Some(pull) = Pull::open("push", bump) else {
        return;
    };
    let run = pull.run_with(&[("event", "push")]);
    assert_eq!(run.code, 0, "{}", run.log);
    assert!(run.summary.contains("1.0.0 → 1.1.0"), "{}", run.summary);
    assert_eq!(pull.github.requests(), [""; 0]);
}

#[test]
fn a_lookup_is_tried_again_and_the_making_of_a_comment_never() {
    let Some(pull) = Pull::open("bump", bump) else {
        return;
    };
    let github = &pull.github;
    github.state().next = vec![(502, "bad gateway")];
    let run = pull.run();
    assert_eq!(run.code, 0, "{}", run.log);
    assert_eq!(github.requests().len(), 3);

    for (status, message) in [
        (401, "Bad credentials"),
        (403, "You have exceeded a secondary rate limit"),
        (502, "bad gateway"),
    ] {
        github.state().comments.clear();
        github.state().refusal = Some((status, message));
        let run = pull.run();
        assert_eq!(run.code, 1, "{}", run.log);
        let words = format!("could not be written (HTTP {status}): {message}");
        assert!(run.log.contains(&words), "{}", run.log);
        assert!(run.summary.contains("1.0.0 → 1.1.0"), "{}", run.summary);
        assert_eq!(github.requests().len(), 2);
    }
}

#[test]
fn names_and_words_of_a_pull_request_are_never_code() {
    let branch = "a$(touch${IFS}pwned)`touch${IFS}pwned`;touch${IFS}pwned&&'\"";
    let Some(pull) = Pull::open(branch, |story| {
        let hold = "<!-- fleet-plan --> </details> ``` @alice #1 $(touch pwned) `touch pwned` ::add-mask::x";
        let manifest = production("1.1.0", "pause") + &format!("hold: '{hold}'\n");
        story.write("environments/production.yaml", &manifest);
        story.write(
            "environments/evil.yaml",
            "\"::add-mask::1\\r::error::2\\n```\": $(touch pwned)\n'##[error]x': '`touch pwned`'\n",
        );
        story.commit("::error::boo\n\n$(touch pwned) `touch pwned`");
    }) else {
        return;
    };
    let run = pull.run();
    assert_eq!(run.code, 3, "{}", run.log);
    insta::with_settings!({ filters => FILTERS.to_vec(), omit_expression => true }, {
        insta::assert_snapshot!("hostile_comment", pull.github.plans().remove(0));
    });
    // What GitHub would obey is fleet's annotations alone.
    let mut obeyed = Vec::new();
    let mut paused: Option<String> = None;
    for line in run.log.lines() {
        match &paused {
            Some(end) => {
                if line == end {
                    paused = None;
                }
            }
            None => match line.strip_prefix("::stop-commands::") {
                Some(token) => paused = Some(format!("::{token}::")),
                None if line.contains("##[") || line.contains("::") => obeyed.push(line),
                None => {}
            },
        }
    }
    assert!(obeyed.len() > 1, "{}", run.log);
    for line in obeyed {
        let place =
            ["::error", "::warning"].map(|word| format!("{word} file=environments/evil.yaml,"));
        assert!(place.iter().any(|place| line.starts_with(place)), "{line}");
    }
    assert_eq!(
        pull.story.quietly(
            "find",
            &["..", "-name", "*pwned*", "-not", "-path", "*.git/*"]
        ),
        ""
    );

    for key in ["a -->", "$(touch pwned)", "a--b", "a\nb"] {
        let run = pull.run_with(&[("key", key)]);
        assert_eq!(run.code, 1, "{}", run.log);
        assert!(
            run.log.contains("::error title=fleet plan::key may"),
            "{}",
            run.log
        );
    }
    assert_eq!(pull.github.plans().len(), 1);
}

#[test]
fn the_longest_comment_is_taken() {
    let Some(pull) = Pull::open("many", |story| {
        let mut manifest = "services: { app: 1.1.0 }\nhosts:\n".to_owned();
        for n in 0..1_500 {
            let _infallible = writeln!(
                manifest,
                "  host-{n}: {{ services: {{ app: {}.0.{n} }}, hold: no {n} {} }}",
                n + 1,
                "é".repeat(150)
            );
        }
        story.write("environments/production.yaml", &manifest);
        let broken: String = (0..500)
            .map(|n| format!("wrong_key_{n}: {}\n", "ü".repeat(50)))
            .collect();
        story.write("environments/broken.yaml", &broken);
        story.commit("Many hosts");
    }) else {
        return;
    };
    let run = pull.run();
    assert_eq!(run.code, 3, "{}", run.log);
    let comment = pull.github.plans().remove(0);
    assert!(comment.len() > 55_000, "{}", comment.len());
    assert!(comment.contains("\n    …\n"), "{comment}");
}

#[test]
fn where_no_plan_can_be_made_the_comment_says_why() {
    let Some(pull) = Pull::open("bump", bump) else {
        return;
    };
    let run = pull.run();
    assert_eq!(run.code, 0, "{}", run.log);
    pull.story.quietly("mv", &["../origin.git", "../gone.git"]);
    let run = pull.run();
    assert_eq!(run.code, 6, "{}", run.log);
    let comment = pull.github.plans().remove(0);
    assert!(
        comment.contains("**No plan could be made.**\n\n    error: "),
        "{comment}"
    );
    assert!(!comment.contains("1.1.0"), "{comment}");

    let run = pull.run_with(&[("fleet", "/nowhere/fleet")]);
    assert_eq!(run.code, 1);
    assert!(
        run.log
            .contains("::error title=fleet plan::/nowhere/fleet is not there"),
        "{}",
        run.log
    );
    let _requests = pull.github.requests();
    assert!(!pull.github.requests().iter().any(|request| request == POST));
}
