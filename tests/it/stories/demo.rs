use super::story::{Story, assert_story};

/// What a stranger does first, on a machine whose git knows nobody.
#[test]
fn tells_the_whole_story_and_leaves_it_to_play_with() {
    let mut story = Story::new();
    story.configure("");
    story.run("fleet demo");
    story.enter("acme/fleet-demo");
    let before = story.quietly("git", &["rev-parse", "fleet/observed"]);
    let commands = || {
        std::fs::read_dir(story.folder().join(".fleet/sandbox/commands")).map_or(0, Iterator::count)
    };
    let sent = commands();
    story.quietly("fleet", &["apply", "--yes"]);
    assert_eq!(
        story.quietly("git", &["rev-parse", "fleet/observed"]),
        before
    );
    assert_eq!(commands(), sent);
    story.run("sed -i 's/motd: 1.0.0/motd: 1.1.0/' environments/production.yaml && git commit -qam 'motd 1.1.0'");
    story.run("fleet apply --yes");
    story.run("fleet demo .");
    assert_story!(story);
}
