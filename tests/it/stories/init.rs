use super::story::{Story, assert_story};

#[test]
fn makes_a_repository_that_is_valid() {
    let mut story = Story::new();
    story.run("fleet init");
    story.run("git log --format='%an: %s'; git ls-files; git status --short");
    story.run("fleet validate");
    story.remark("No file is overwritten.");
    story.run("fleet init");
    story.run("git init -q other && fleet init other");
    story.run("mkdir inner && fleet init inner/deeper");
    assert_story!(story);
}

/// init commits nothing where others have committed: that is the next step, and it is named.
#[test]
fn in_a_repository_that_is_there_it_is_to_be_committed() {
    let mut story = Story::new();
    story.run("git init -q -b main && fleet plan");
    story.run("fleet init && fleet plan");
    story.run("git commit -q --allow-empty -m Ours && fleet plan");
    story.run("git add -A && git commit -q -m Fleet && fleet plan >/dev/null");
    assert_story!(story);
}

#[test]
fn without_an_identity_nothing_is_written() {
    let mut story = Story::new();
    story.configure("");
    story.run("fleet init there; ls");
    assert_story!(story);
}

#[test]
fn without_git_nothing_is_written() {
    let mut story = Story::new();
    story.run("fleet=$(command -v fleet); PATH=/nowhere; $fleet init there; echo *");
    story.run("fleet=$(command -v fleet); PATH=/nowhere; $fleet demo there; echo *");
    assert_story!(story);
}
