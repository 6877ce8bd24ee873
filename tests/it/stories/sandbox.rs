use super::story::{Story, assert_story};

#[test]
fn runs_alone_until_it_is_told_to_stop() {
    let mut story = Story::new();
    story.quietly("git", &["init", "-q"]);
    story.run("timeout -s INT 1 fleet sandbox --instance i-0123456789abcdef0; ls -A .fleet");
    story.run("fleet sandbox --listen 0.0.0.0:0");
    story.run("fleet sandbox --instance web-1");
    story.run("echo 'throtle: []' >faults.yaml && fleet sandbox --faults faults.yaml");
    assert_story!(story);
}
