//! What reviewers see.

use super::Pull;
use super::github::BOT;
use crate::stories::fleets::production;
use crate::stories::story::FILTERS;

const FIRST: &str = "GET /repos/acme/fleet/issues/7/comments?per_page=100";
const SECOND: &str = "GET /repos/acme/fleet/issues/7/comments?per_page=100&page=2";

/// The pull request's branch wants another version.
fn bump(version: &str) -> impl FnOnce(&crate::stories::story::Story) {
    let manifest = production(version, "pause");
    let subject = format!("production: app {version}");
    move |story| {
        story.write("environments/production.yaml", &manifest);
        story.commit(&subject);
    }
}

#[test]
fn a_pull_request_has_one_comment_and_it_is_kept_up_to_date() {
    let Some(mut pull) = Pull::open("bump", bump("1.1.0")) else {
        return;
    };
    let run = pull.run();
    assert_eq!(run.code, 0, "{}", run.log);
    assert_eq!(
        pull.github.requests(),
        [FIRST, "POST /repos/acme/fleet/issues/7/comments"]
    );
    let [comment] = &pull.github.plans()[..] else {
        panic!("one comment")
    };
    insta::with_settings!({ filters => FILTERS.to_vec(), omit_expression => true }, {
        insta::assert_snapshot!("comment", comment);
    });
    let last = run.log.lines().last().unwrap();
    assert_eq!(
        last,
        "Wrote https://github.example/acme/fleet/pull/7#issuecomment-1"
    );
    assert_eq!(run.summary, "");

    pull.push(bump("1.2.0"));
    let run = pull.run();
    assert_eq!(run.code, 0, "{}", run.log);
    assert_eq!(
        pull.github.requests(),
        [FIRST, "PATCH /repos/acme/fleet/issues/comments/1"]
    );
    let [comment] = &pull.github.plans()[..] else {
        panic!("one comment")
    };
    assert!(comment.contains("1.0.0 → 1.2.0"), "{comment}");
    assert!(!comment.contains("1.1.0"), "{comment}");
}

#[test]
fn the_comment_is_found_behind_a_hundred_others_and_no_one_elses_is_touched() {
    let Some(pull) = Pull::open("bump", bump("1.1.0")) else {
        return;
    };
    let github = &pull.github;
    github.add(97, Some("alice"), "Looks good");
    github.add(
        1,
        Some("mallory"),
        "<!-- fleet-plan -->\nAll is well, merge it",
    );
    github.add(1, None, "<!-- fleet-plan -->\nFrom an account that is gone");
    github.add(1, Some(BOT), "Quoting <!-- fleet-plan -->");
    github.add(1, Some(BOT), "<!-- fleet-plan other -->\nOf another fleet");
    github.add(1, Some(BOT), "<!-- fleet-plan -->\nOurs, of last week");
    let run = pull.run();
    assert_eq!(run.code, 0, "{}", run.log);
    assert_eq!(
        github.requests(),
        [FIRST, SECOND, "PATCH /repos/acme/fleet/issues/comments/102"]
    );
    let state = github.state();
    assert_eq!(state.comments.len(), 102);
    assert!(state.comments[101].body.contains("1.0.0 → 1.1.0"));
    assert!(state.comments[97].body.ends_with("merge it"));
    drop(state);

    let run = pull.run_with(&[("key", "third")]);
    assert_eq!(run.code, 0, "{}", run.log);
    assert_eq!(
        github.requests().last().unwrap(),
        "POST /repos/acme/fleet/issues/7/comments"
    );
    assert!(
        github
            .plans()
            .last()
            .unwrap()
            .starts_with("<!-- fleet-plan third -->\n## fleet plan: third\n")
    );
}

/// The merge, not the branch: what main got meanwhile is not undone by merging.
#[test]
fn what_is_planned_is_what_main_would_be() {
    let Some(mut pull) = Pull::open("old", |story| {
        story.write("README.md", "Words.\n");
        story.commit("Say something");
    }) else {
        return;
    };
    pull.story.enter("acme");
    let main = "git checkout -q main && sed -i 's/app: 1.0.0/app: 1.1.0/' environments/production.yaml && \
         git commit -qam 'production: app 1.1.0' && git push -q origin main && \
         git merge -q --no-edit old && git push -q -f origin HEAD:refs/pull/7/merge && \
         cd ../checkout && git fetch -q --depth=1 origin +refs/pull/7/merge:refs/remotes/pull/7/merge && \
         git checkout -q --force refs/remotes/pull/7/merge";
    pull.story.quietly("bash", &["-c", main]);
    pull.story.enter("checkout");
    let run = pull.run();
    assert_eq!(run.code, 0, "{}", run.log);
    let comment = pull.github.plans().remove(0);
    assert!(comment.contains("1.0.0 → 1.1.0"), "{comment}");
}

#[test]
fn no_changes_are_a_comment_too() {
    let Some(pull) = Pull::open("docs", |story| {
        story.write("README.md", "Words.\n");
        story.commit("Say something");
    }) else {
        return;
    };
    let run = pull.run();
    assert_eq!(run.code, 0, "{}", run.log);
    let comment = pull.github.plans().remove(0);
    assert!(comment.contains("No changes: production."), "{comment}");
}
