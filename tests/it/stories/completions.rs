use super::story::{Story, assert_story};

#[test]
fn of_every_shell() {
    let mut story = Story::new();
    story.run("fleet completions bash >fleet.bash && bash -n fleet.bash && echo fine");
    story.remark(
        "What bash offers for `fleet va`, for `fleet bump --di` and for `fleet completions f`.",
    );
    for words in ["va", "bump --di", "completions f"] {
        let count = words.split(' ').count();
        story.run(&format!(
            "bash -c 'source ./fleet.bash; COMP_WORDS=(fleet {words}); COMP_CWORD={count}; _fleet fleet \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; printf \"%s\\n\" \"${{COMPREPLY[@]}}\"'"
        ));
    }
    for shell in ["zsh", "fish", "powershell", "elvish"] {
        story.run(&format!(
            "fleet completions {shell} | grep validate >script && echo complete"
        ));
    }
    story.run("fleet completions csh");
    story.run("fleet completions bash --format json");
    assert_story!(story);
}
