use super::fleets::running;
use super::story::assert_story;

#[test]
fn a_lost_ledger_comes_back_from_the_hosts() {
    let mut story = running("pause");
    story.run("fleet observe");
    story.run("fleet observe --rebuild");
    story.remark("The branch is lost.");
    story.run("git branch -q -D fleet/observed && fleet apply --yes");
    story.run("fleet plan");
    story.run("fleet observe --rebuild");
    story.run("fleet plan");
    story.run("git log --format=%s fleet/observed");
    assert_story!(story);
}

#[test]
fn a_ledger_that_was_edited_by_hand_is_not_believed() {
    let mut story = running("pause");
    story.run(
        "git worktree add -q ../ledger fleet/observed && cd ../ledger && echo '{' >production/hosts/a.yaml && git commit -qam 'Mend it'",
    );
    story.run("git worktree remove ../ledger && fleet plan");
    story.run("fleet apply --yes");
    assert_story!(story);
}

/// Somebody was on a host by hand.
#[test]
fn drift_is_seen_and_repaired_once_a_day() {
    let mut story = running("pause");
    story.run("fleet observe");
    story.run("echo 0.9-by-hand >.fleet/sandbox/hosts/production/c/version; fleet observe");
    story.run("fleet status");
    story.run("fleet apply --yes");
    story.run("echo 'drift: repair' >>environments/production.yaml");
    story.commit("Repair drift");
    story.run("fleet plan");
    story.run("fleet apply --yes");
    story.run("cat .fleet/sandbox/hosts/production/c/version; fleet observe");
    story.run("rm .fleet/sandbox/hosts/production/c/version; fleet observe --format json");
    story.run("fleet plan");
    story.run("git log --format=%s fleet/observed | head -4");
    assert_story!(story);
}

/// A commit by hand on top of the ledger is a word like any other there: what can be read is
/// believed, and the next step's report corrects it.
#[test]
fn a_ledger_that_was_edited_by_hand_and_can_be_read_is_believed_until_the_host_speaks() {
    let mut story = running("pause");
    story.run(
        "git worktree add -q ../ledger fleet/observed && cd ../ledger && sed -i s/1.0.0/0.9.0/ production/hosts/a.yaml && git commit -qam 'It is older'",
    );
    story.run("git worktree remove ../ledger && fleet plan");
    story.run("fleet apply --yes");
    story.run("fleet plan; git log --format=%s fleet/observed -- production/hosts/a.yaml");
    story.remark("Taking a commit back is not a word: that is a ledger with a hole.");
    story.run("git branch -q -f fleet/observed fleet/observed~2 && fleet plan");
    assert_story!(story);
}
