use super::fleets::running;
use super::story::assert_story;

/// Waits for what the watcher says, and for nothing else.
const WATCHED: &str = "\
fleet status --watch >watch.txt 2>&1 &
until grep -q 'in sync' watch.txt; do sleep 0.1; done
fleet bump production app 1.1.0 --direct
until grep -q pending watch.txt; do sleep 0.1; done
fleet apply --yes >/dev/null 2>&1
until [ $(grep -c 'in sync' watch.txt) = 2 ]; do sleep 0.1; done
kill -INT $!; wait $!; echo exit $?";

#[test]
fn status_is_printed_anew_when_it_changes() {
    let mut story = running("pause");
    story.run(WATCHED);
    story.run("head -4 watch.txt; grep -o 'in sync\\|pending' watch.txt; tail -4 watch.txt");
    assert_story!(story);
}
